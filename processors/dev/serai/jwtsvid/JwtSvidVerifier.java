package dev.serai.jwtsvid;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.factories.DefaultJWSVerifierFactory;
import com.nimbusds.jose.util.Base64URL;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.nio.charset.StandardCharsets;
import java.security.PublicKey;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;

/** Decides whether a token is a JWT-SVID for an audience. JWT-SVID, sections 4 to 6. */
public final class JwtSvidVerifier {
  /** Clocks of two machines differ by this much and no more. */
  public static final Duration LEEWAY = Duration.ofSeconds(30);

  private JwtSvidVerifier() {}

  /**
   * @param audience who was meant to get the token: the verifier itself
   * @throws RefusalException with a code of JWT_SVID; the detail holds no part of the token
   */
  public static JwtSvid verify(String token, String audience, JwtBundle bundle, Instant now) {
    ClaimedJwtSvid claimed = ClaimedJwtSvid.parse(token);
    if (!claimed.id().isMemberOf(bundle.trustDomain())) {
      throw new RefusalException(
          ReasonCode.JWT_SVID_DOMAIN_UNKNOWN,
          "it is of trust domain " + claimed.id().trustDomain());
    }
    PublicKey key =
        bundle
            .key(claimed.keyId())
            .orElseThrow(
                () ->
                    new RefusalException(
                        ReasonCode.JWT_SVID_KEY_UNKNOWN,
                        "none of %d keys of %s has its kid"
                            .formatted(bundle.size(), bundle.trustDomain())));
    if (!isSignedBy(key, token)) {
      throw new RefusalException(
          ReasonCode.JWT_SVID_SIGNATURE_INVALID, "the key of its kid did not sign it");
    }
    if (!claimed.audience().contains(audience)) {
      throw new RefusalException(
          ReasonCode.JWT_SVID_AUDIENCE_WRONG, "the expected audience is not among its own");
    }
    if (!now.minus(LEEWAY).isBefore(claimed.expiresAt())) {
      throw new RefusalException(ReasonCode.JWT_SVID_EXPIRED, "it ended at " + claimed.expiresAt());
    }
    claimed.notBefore().ifPresent(at -> requireBegun(at, now));
    claimed.issuedAt().ifPresent(at -> requireBegun(at, now));
    return new JwtSvid(claimed.id(), audience, claimed.expiresAt(), claimed.claims());
  }

  private static void requireBegun(Instant at, Instant now) {
    if (at.isAfter(now.plus(LEEWAY))) {
      throw new RefusalException(ReasonCode.JWT_SVID_NOT_YET_VALID, "it begins at " + at);
    }
  }

  /** The factory refuses an algorithm that is not one of the key's type or curve. */
  private static boolean isSignedBy(PublicKey key, String token) {
    int first = token.indexOf('.');
    int last = token.lastIndexOf('.');
    try {
      JWSHeader header = JWSHeader.parse(new Base64URL(token.substring(0, first)));
      return new DefaultJWSVerifierFactory()
          .createJWSVerifier(header, key)
          .verify(
              header,
              token.substring(0, last).getBytes(StandardCharsets.US_ASCII),
              new Base64URL(token.substring(last + 1)));
    } catch (JOSEException | ParseException e) {
      return false;
    }
  }
}
