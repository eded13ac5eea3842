package dev.serai.jwtsvid;

import dev.serai.fuzz.Fuzzed;
import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.Bytes;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;

/** Tokens that strangers show. */
public final class JwtFuzz {
  private static final String HEADER = "{\"alg\":\"ES256\",\"kid\":\"k\",\"typ\":\"JWT\"}";

  /** Of a key that nobody has: the generator of P-256. */
  private static final JwtBundle BUNDLE =
      JwtBundle.of(
          new TrustDomain("test.example"),
          Map.of(
              "k",
              JwtBundle.key(
                  Bytes.ofHex(
                      "3059301306072a8648ce3d020106082a8648ce3d030107034200"
                          + "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                          + "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"))));

  private JwtFuzz() {}

  /** Header, payload and signature on lines of their own, so that a fuzzer can get at them. */
  public static String seed() {
    return HEADER
        + "\n{\"sub\":\"spiffe://test.example/app\",\"aud\":[\"db\"],\"exp\":1790000000,"
        + "\"iat\":1789999700}\nsignature";
  }

  /** What was made of parts, and the text as it stands. */
  public static void token(byte[] in) {
    String text = new String(in, StandardCharsets.ISO_8859_1);
    String[] parts = text.split("\n", 3);
    if (parts.length == 3) {
      verify(base64(parts[0]) + "." + base64(parts[1]) + "." + base64(parts[2]));
    } else {
      verify(text);
    }
  }

  private static void verify(String token) {
    JwtSvidVerifier.verify(token, "db", BUNDLE, Instant.ofEpochSecond(1_789_999_800));
    Fuzzed.check(false, "nobody has the key");
  }

  private static String base64(String part) {
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString(part.getBytes(StandardCharsets.ISO_8859_1));
  }
}
