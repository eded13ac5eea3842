package dev.serai.plugin;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.keylime.KeylimeJson;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import java.util.Optional;

/** A call of the plugin socket, read and bounded; nothing of the TPM yet. */
public sealed interface PluginCall {
  /** Largest body. */
  int MAX_BODY = 32 * 1024;

  /** Largest data to sign or verify. */
  int MAX_DATA = 16 * 1024;

  /** For the choice of the route. */
  String kind();

  /** GET /health. */
  record Health() implements PluginCall {
    @Override
    public String kind() {
      return "health";
    }
  }

  /** POST /get-app-key. */
  record GetAppKey() implements PluginCall {
    @Override
    public String kind() {
      return "app-key";
    }
  }

  /** POST /request-certificate. The endpoint it may name is not called: the AK is here. */
  record RequestCertificate(DelegationRequest request) implements PluginCall {
    @Override
    public String kind() {
      return "certificate";
    }
  }

  /**
   * POST /sign-data.
   *
   * @param digest data is a digest already
   * @param pss rsapss instead of rsassa; nothing to an ECC key
   */
  record SignData(Bytes data, boolean digest, boolean pss) implements PluginCall {
    @Override
    public String kind() {
      return "sign";
    }
  }

  /** POST /verify-signature. */
  record VerifySignature(Bytes data, Bytes signature, TpmHash hash, boolean digest)
      implements PluginCall {
    @Override
    public String kind() {
      return "verify";
    }
  }

  /**
   * Reads a request as it came.
   *
   * @throws RefusalException MALFORMED_REQUEST, REQUEST_TOO_LARGE or UNKNOWN_OPERATION
   */
  static PluginCall parse(String method, String path, Bytes body) {
    if (method.equals("GET") && path.equals("/health")) {
      return new Health();
    }
    boolean known =
        switch (path) {
          case "/get-app-key", "/request-certificate", "/sign-data", "/verify-signature" -> true;
          default -> false;
        };
    if (!known || !method.equals("POST")) {
      throw new RefusalException(ReasonCode.UNKNOWN_OPERATION, "Unknown endpoint");
    }
    if (body.size() > MAX_BODY) {
      throw new RefusalException(
          ReasonCode.REQUEST_TOO_LARGE, "%d bytes, at most %d".formatted(body.size(), MAX_BODY));
    }
    try {
      return switch (path) {
        case "/get-app-key" -> {
          KeylimeJson.read(body, MAX_BODY, Nothing.class);
          yield new GetAppKey();
        }
        case "/request-certificate" -> certificate(body);
        case "/sign-data" -> sign(body);
        default -> verify(body);
      };
    } catch (MalformedStructureException e) {
      throw malformed("Invalid JSON: " + e.getMessage());
    }
  }

  /** An object with anything in it. */
  record Nothing() {}

  /** As the prototype's client sends it. */
  record CertificateBody(
      @JsonProperty("app_key_public") Optional<String> key,
      @JsonProperty("challenge_nonce") Optional<String> nonce) {}

  /** As the prototype's client sends it. */
  record SignBody(
      @JsonProperty("data") Optional<String> data,
      @JsonProperty("hash_alg") Optional<String> hash,
      @JsonProperty("is_digest") Optional<Boolean> digest,
      @JsonProperty("scheme") Optional<String> scheme,
      @JsonProperty("salt_length") Optional<Integer> salt) {}

  /** As the prototype's client sends it. */
  record VerifyBody(
      @JsonProperty("data") Optional<String> data,
      @JsonProperty("signature") Optional<String> signature,
      @JsonProperty("hash_alg") Optional<String> hash,
      @JsonProperty("is_digest") Optional<Boolean> digest) {}

  private static PluginCall certificate(Bytes body) throws MalformedStructureException {
    CertificateBody read = KeylimeJson.read(body, MAX_BODY, CertificateBody.class);
    return new RequestCertificate(
        DelegationRequest.of(read.key().orElse(""), read.nonce().orElse("")));
  }

  private static PluginCall sign(Bytes body) throws MalformedStructureException {
    SignBody read = KeylimeJson.read(body, MAX_BODY, SignBody.class);
    Bytes data = base64("data", read.data());
    if (!read.hash().orElse("sha256").equals("sha256")) {
      throw malformed("hash_alg: this key signs with sha256");
    }
    String scheme = read.scheme().orElse("rsassa");
    if (!scheme.equals("rsassa") && !scheme.equals("rsapss") && !scheme.equals("ecdsa")) {
      throw malformed("scheme has to be rsassa, rsapss or ecdsa");
    }
    int salt = read.salt().orElse(-1);
    if (salt != -1 && salt != 0 && salt != TpmHash.SHA256.digestLength()) {
      throw malformed("salt_length: a TPM's salt is as long as the digest (-1 or 32)");
    }
    return new SignData(data, read.digest().orElse(false), scheme.equals("rsapss"));
  }

  private static PluginCall verify(Bytes body) throws MalformedStructureException {
    VerifyBody read = KeylimeJson.read(body, MAX_BODY, VerifyBody.class);
    TpmHash hash =
        switch (read.hash().orElse("sha256")) {
          case "sha256" -> TpmHash.SHA256;
          case "sha384" -> TpmHash.SHA384;
          case "sha512" -> TpmHash.SHA512;
          default -> throw malformed("hash_alg has to be sha256, sha384 or sha512");
        };
    return new VerifySignature(
        base64("data", read.data()),
        base64("signature", read.signature()),
        hash,
        read.digest().orElse(false));
  }

  private static Bytes base64(String field, Optional<String> text)
      throws MalformedStructureException {
    if (text.isEmpty() || text.get().isEmpty()) {
      throw malformed(field + " is required");
    }
    return KeylimeJson.base64(field, text.get(), MAX_DATA);
  }

  private static RefusalException malformed(String why) {
    return new RefusalException(ReasonCode.MALFORMED_REQUEST, why);
  }
}
