package dev.serai.claims;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.util.Optional;

/**
 * The extension that carries the claims. In the private form its value is a DER UTF8String; in the
 * prototype's it is the JSON text itself, which is no DER at all. A reader tells them apart by the
 * first byte.
 */
public final class ClaimsExtension {
  /** Not critical: whoever does not know it validates the SVID as any other. */
  public static final String OID = "1.3.6.1.4.1.55744.1.1";

  private static final int UTF8_STRING = 0x0c;
  private static final int OCTET_STRING = 0x04;

  /** A header of DER is at most this long here. */
  private static final int MAX_HEADER = 4;

  private ClaimsExtension() {}

  /**
   * The content of extnValue.
   *
   * @throws IllegalArgumentException when it is larger than any reader takes
   */
  public static Bytes encode(Claims claims, Privacy privacy) {
    Bytes text = Bytes.ofText(ClaimsJson.write(claims, privacy));
    if (text.size() > ClaimsJson.MAX_SIZE) {
      throw new IllegalArgumentException("claims of %d bytes".formatted(text.size()));
    }
    return privacy == Privacy.COMPAT ? text : Bytes.concat(header(text.size()), text);
  }

  /** Definite and shortest, X.690, 8.1.3. */
  private static Bytes header(int length) {
    if (length < 0x80) {
      return Bytes.copyOf(new byte[] {UTF8_STRING, (byte) length});
    }
    return length < 0x100
        ? Bytes.copyOf(new byte[] {UTF8_STRING, (byte) 0x81, (byte) length})
        : Bytes.copyOf(new byte[] {UTF8_STRING, (byte) 0x82, (byte) (length >> 8), (byte) length});
  }

  /**
   * The claims of one certificate, which the caller has validated.
   *
   * @return empty when it carries none
   * @throws RefusalException CLAIMS_MALFORMED
   */
  public static Optional<Claims> read(X509Certificate certificate) {
    byte[] value = certificate.getExtensionValue(OID);
    if (value == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(decode(unwrap(Bytes.copyOf(value), OCTET_STRING)));
    } catch (MalformedStructureException e) {
      throw new RefusalException(ReasonCode.CLAIMS_MALFORMED, e.getMessage(), e);
    }
  }

  /**
   * The text of {@code grc.geolocation} as it stands in the certificate.
   *
   * @throws RefusalException CLAIMS_MALFORMED
   */
  public static Optional<String> geolocationJson(X509Certificate certificate) {
    Optional<Claims> claims = read(certificate);
    try {
      return claims.isEmpty() ? Optional.empty() : ClaimsJson.geolocation(claims.get().json());
    } catch (MalformedStructureException e) {
      throw new RefusalException(ReasonCode.CLAIMS_MALFORMED, e.getMessage(), e);
    }
  }

  /** Of the content of extnValue, in either form. */
  public static Claims decode(Bytes value) throws MalformedStructureException {
    if (value.size() > ClaimsJson.MAX_SIZE + MAX_HEADER) {
      throw malformed("%d bytes".formatted(value.size()));
    }
    if (value.isEmpty()) {
      throw malformed("empty");
    }
    if (value.at(0) == '{') {
      return ClaimsJson.read(text(value), Privacy.COMPAT);
    }
    return ClaimsJson.read(text(unwrap(value, UTF8_STRING)), Privacy.STRICT);
  }

  private static String text(Bytes utf8) throws MalformedStructureException {
    if (utf8.size() > ClaimsJson.MAX_SIZE) {
      throw malformed("%d bytes".formatted(utf8.size()));
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8.toArray())).toString();
    } catch (CharacterCodingException e) {
      throw malformed("not UTF-8");
    }
  }

  /** One DER element and nothing after it. */
  private static Bytes unwrap(Bytes der, int tag) throws MalformedStructureException {
    if (der.size() < 2 || der.at(0) != tag) {
      throw malformed("neither JSON nor a UTF8String");
    }
    int first = der.at(1);
    int count = first < 0x80 ? 0 : first & 0x7f;
    if (first == 0x80 || count > 2 || der.size() < 2 + count) {
      throw malformed("its length is not lawful here");
    }
    int length = count == 0 ? first : 0;
    for (int i = 0; i < count; i++) {
      length = length << 8 | der.at(2 + i);
    }
    boolean shortest = count == 0 || (count == 1 ? length >= 0x80 : length >= 0x100);
    if (!shortest || length != der.size() - 2 - count) {
      throw malformed("its length is not that of its content");
    }
    return der.slice(2 + count, length);
  }

  private static MalformedStructureException malformed(String what) {
    return new MalformedStructureException("claims extension", what);
  }
}
