package dev.serai.issuing;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.signing.SignatureAlgorithm;
import dev.serai.spiffe.SpiffeId;
import dev.serai.tpm.Bytes;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/**
 * Signs JWT-SVIDs with the active authority: ES256, compact serialization, a header of alg, kid and
 * typ and nothing else. Whether the caller may have one is decided before.
 */
final class JwtSvidMinter {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Base64.Encoder BASE64URL = Base64.getUrlEncoder().withoutPadding();

  private final Authority authority;
  private final InstantSource clock;

  JwtSvidMinter(Authority authority, InstantSource clock) {
    this.authority = authority;
    this.clock = clock;
  }

  /**
   * A signed token. Whoever has it is taken for its subject, so it prints nowhere.
   *
   * @param times whole seconds, as the token says them
   */
  record Minted(
      SpiffeId id,
      List<String> audience,
      String keyId,
      Optional<String> tokenId,
      Instant issuedAt,
      Instant expiresAt,
      String token) {
    Minted {
      audience = List.copyOf(audience);
    }

    /** For the record that has to be on disk before anybody gets the token. */
    AuditEvent event() {
      AuditEvent event =
          AuditEvent.of(AuditKind.JWT_SVID_ISSUED, id.toString())
              .with("audience", String.join(" ", audience))
              .with("key", keyId)
              .with("notAfter", expiresAt.toString());
      return tokenId.map(jti -> event.with("jti", jti)).orElse(event);
    }

    @Override
    public String toString() {
      return "JWT-SVID of " + id + " until " + expiresAt;
    }
  }

  /**
   * Lives until the end that is asked for, but never longer than the authority.
   *
   * @param tokenId claim jti; empty for none
   * @throws dev.serai.reason.RefusalException AUTHORITY_UNAVAILABLE
   */
  Minted mint(SpiffeId id, List<String> audience, Instant until, Optional<String> tokenId) {
    Authority.ActiveJwt active = authority.activeJwt();
    Instant issuedAt = clock.instant().truncatedTo(ChronoUnit.SECONDS);
    Instant expiresAt =
        (until.isBefore(active.notAfter()) ? until : active.notAfter())
            .truncatedTo(ChronoUnit.SECONDS);
    ObjectNode header =
        JSON.createObjectNode().put("alg", "ES256").put("kid", active.keyId()).put("typ", "JWT");
    ObjectNode claims = JSON.createObjectNode().put("sub", id.toString());
    audience.forEach(claims.putArray("aud")::add);
    claims.put("exp", expiresAt.getEpochSecond()).put("iat", issuedAt.getEpochSecond());
    tokenId.ifPresent(jti -> claims.put("jti", jti));
    String signed = base64Url(header) + "." + base64Url(claims);
    Bytes signature =
        active.signer().sign(SignatureAlgorithm.ECDSA_SHA256_P1363, Bytes.ofText(signed));
    return new Minted(
        id,
        audience,
        active.keyId(),
        tokenId,
        issuedAt,
        expiresAt,
        signed + "." + BASE64URL.encodeToString(signature.toArray()));
  }

  private static String base64Url(ObjectNode json) {
    try {
      return BASE64URL.encodeToString(
          JSON.writeValueAsString(json).getBytes(StandardCharsets.UTF_8));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("cannot write JSON", e);
    }
  }
}
