package dev.serai.gate;

import dev.serai.claims.ClaimsExtension;
import dev.serai.testing.TestAuthority;
import dev.serai.tpm.Bytes;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/** X509-SVIDs with claims of every kind, in PEM. */
public final class Svids {
  public static final String ID = "spiffe://test.example/ns/edge/sa/web";
  public static final String WORKLOAD_ONLY =
      "{\"v\":1,\"grc.workload\":{\"workload-id\":\"" + ID + "\",\"key-source\":\"workload-key\"}}";
  public static final String IMEI = "356345043865103";
  static final String IMSI = "214070610960475";
  static final String MSISDN = "tel:+34696810912";

  private final TestAuthority authority;

  public Svids(TestAuthority authority) {
    this.authority = authority;
  }

  /** Private claims of a mobile device. */
  public static String mobile(String assurance, String device) {
    return located("mobile", "madrid", assurance, device, Instant.now().plusSeconds(1800));
  }

  static String located(
      String type, String region, String assurance, String device, Instant until) {
    return ("{\"v\":1,\"grc.workload\":{\"workload-id\":\"%s\",\"key-source\":\"workload-key\"},"
            + "\"grc.geolocation\":{\"tpm-attested-location\":true,\"sensor-type\":\"%s\","
            + "\"region\":\"%s\",\"assurance\":\"%s\",\"located-at\":%d,\"valid-until\":%d,"
            + "\"device\":\"%s\"}}")
        .formatted(
            ID,
            type,
            region,
            assurance,
            until.minusSeconds(3600).getEpochSecond(),
            until.getEpochSecond(),
            device);
  }

  /** The prototype's claims of a mobile device. */
  public static String prototype(boolean endorsed) {
    String text =
        ("{\"grc.workload\":{\"workload-id\":\"%s\",\"key-source\":\"tpm-app-key\"},"
                + "\"grc.geolocation\":{\"tpm-attested-location\":true,"
                + "\"tpm-attested-pcr-index\":15,\"mobile\":{\"sensor_id\":\"12d1:1433\","
                + "\"sensor_imei\":\"%s\",\"sim_imsi\":\"%s\",\"sim_msisdn\":\"%s\","
                + "\"location_verification\":{\"latitude\":40.33,\"longitude\":-3.7707,"
                + "\"accuracy\":7.0}}}")
            .formatted(ID, IMEI, IMSI, MSISDN);
    return text
        + (endorsed
            ? ",\"grc.mno_endorsement\":{\"verified\":true,\"signature\":\"QUJD\","
                + "\"key_id\":\"lab\",\"data_b64\":\"QUJD\"}}"
            : "}");
  }

  /** A good SVID with these claims; JSON with "v" is put into a UTF8String as we do it. */
  public String svid(String claims) {
    return pem(certificate(claims, Duration.ofHours(1)));
  }

  public String svid(String claims, Duration lifetime) {
    return pem(certificate(claims, lifetime));
  }

  X509Certificate certificate(String claims, Duration lifetime) {
    return authority.leaf(
        TestAuthority.keyPair(),
        List.of(ID),
        false,
        lifetime,
        claims.isEmpty() ? Map.of() : Map.of(ClaimsExtension.OID, value(claims)));
  }

  static byte[] value(String claims) {
    if (!claims.startsWith("{\"v\"")) {
      return claims.getBytes(StandardCharsets.UTF_8);
    }
    byte[] text = claims.getBytes(StandardCharsets.UTF_8);
    return Bytes.concat(
            Bytes.copyOf(
                text.length < 128
                    ? new byte[] {0x0c, (byte) text.length}
                    : text.length < 256
                        ? new byte[] {0x0c, (byte) 0x81, (byte) text.length}
                        : new byte[] {
                          0x0c, (byte) 0x82, (byte) (text.length >> 8), (byte) text.length
                        }),
            Bytes.copyOf(text))
        .toArray();
  }

  public static String pem(X509Certificate certificate) {
    try {
      return "-----BEGIN CERTIFICATE-----\n"
          + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(certificate.getEncoded())
          + "\n-----END CERTIFICATE-----\n";
    } catch (CertificateEncodingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** As Envoy writes certificates into requests and headers. */
  static String encoded(String pem) {
    return URLEncoder.encode(pem, StandardCharsets.US_ASCII).replace("+", "%20");
  }
}
