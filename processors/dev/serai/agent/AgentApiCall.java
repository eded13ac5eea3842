package dev.serai.agent;

import dev.serai.keylime.ApiPath;
import dev.serai.keylime.ApiVersion;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrSelection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** A call of Keylime's agent API, read and judged as a request; nothing of the TPM yet. */
sealed interface AgentApiCall {

  /** The route that answers it, and the name of the kind. */
  String kind();

  /** GET /version. */
  record Version() implements AgentApiCall {
    @Override
    public String kind() {
      return "version";
    }
  }

  /** GET agent/info. */
  record Info(ApiVersion version) implements AgentApiCall {
    @Override
    public String kind() {
      return "info";
    }
  }

  /** GET quotes/identity. */
  record IdentityQuote(ApiVersion version, Bytes nonce) implements AgentApiCall {
    @Override
    public String kind() {
      return "identity-quote";
    }
  }

  /** GET quotes/integrity. withKey: the answer names the transport key. */
  record Quote(ApiVersion version, Bytes nonce, int mask, boolean withKey, long imaFrom)
      implements AgentApiCall {
    @Override
    public String kind() {
      return "quote";
    }
  }

  /** POST delegated_certification/certify_app_key, with its body as received. */
  record CertifyAppKey(Bytes body) implements AgentApiCall {
    @Override
    public String kind() {
      return "certify-app-key";
    }
  }

  /** GET agent/attested_geolocation. */
  record Location(String nonce) implements AgentApiCall {
    @Override
    public String kind() {
      return "location";
    }
  }

  /** Anything else, with its answer. */
  record Refusal(HttpAnswer answer) implements AgentApiCall {
    @Override
    public String kind() {
      return "refusal";
    }
  }

  /** Longest query looked at. */
  int MAX_QUERY = 2048;

  /** Longest nonce; Keylime's limit. */
  int MAX_NONCE = 64;

  /** Reads method, path and query as they came on the wire. */
  static AgentApiCall parse(String method, String pathText, String queryText) {
    return parse(method, pathText, queryText, () -> Bytes.EMPTY);
  }

  /** The same; body is asked for it only where there is a use for one. */
  static AgentApiCall parse(
      String method, String pathText, String queryText, Supplier<Bytes> body) {
    ApiPath path = ApiPath.of(pathText);
    if (path.is("version")) {
      return method.equals("GET") ? new Version() : refused(405, "Method is not supported");
    }
    if (!path.versioned()) {
      return path.claimsVersion()
          ? refused(400, ApiVersion.NOT_SUPPORTED)
          : refused(404, "Endpoint does not exist");
    }
    List<String> rest = path.rest();
    if (rest.equals(List.of("delegated_certification", "certify_app_key"))) {
      return method.equals("POST")
          ? new CertifyAppKey(body.get())
          : refused(405, "Method is not supported");
    }
    boolean ours =
        rest.equals(List.of("agent", "info"))
            || rest.equals(List.of("agent", "attested_geolocation"))
            || rest.equals(List.of("quotes", "integrity"))
            || rest.equals(List.of("quotes", "identity"));
    if (!ours) {
      return refused(404, "Endpoint does not exist; this agent takes no keys and no payloads");
    }
    if (!method.equals("GET")) {
      return refused(405, "Method is not supported");
    }
    if (rest.get(1).equals("info")) {
      return new Info(path.version());
    }
    return withNonce(path.version(), rest.get(1), queryText);
  }

  private static AgentApiCall withNonce(ApiVersion version, String which, String queryText) {
    if (queryText.length() > MAX_QUERY) {
      return refused(400, "the query is too long");
    }
    Map<String, String> query = query(queryText);
    String nonce = query.getOrDefault("nonce", "");
    if (nonce.isEmpty() || nonce.length() > MAX_NONCE || !nonce.matches("[A-Za-z0-9]+")) {
      return refused(400, "nonce has to be 1 to 64 letters and digits");
    }
    if (which.equals("attested_geolocation")) {
      return new Location(nonce);
    }
    if (which.equals("identity")) {
      return new IdentityQuote(version, Bytes.ofText(nonce));
    }
    return integrity(version, Bytes.ofText(nonce), query);
  }

  private static AgentApiCall integrity(
      ApiVersion version, Bytes nonce, Map<String, String> query) {
    String maskText = query.getOrDefault("mask", "");
    int mask;
    if (!maskText.matches("0[xX][0-9a-fA-F]{1,8}")) {
      return refused(400, "mask has to be hexadecimal, beginning with 0x");
    }
    try {
      mask = PcrSelection.ofKeylimeMask(TpmHash.SHA256, maskText).mask(TpmHash.SHA256);
    } catch (IllegalArgumentException e) {
      return refused(400, "mask names PCRs beyond 23");
    }
    String partial = query.getOrDefault("partial", "");
    if (!partial.equals("0") && !partial.equals("1")) {
      return refused(400, "partial has to be 0 or 1");
    }
    String entry = query.getOrDefault("ima_ml_entry", "0");
    if (!entry.matches("[0-9]{1,18}")) {
      return refused(400, "ima_ml_entry has to be a number");
    }
    return new Quote(version, nonce, mask, partial.equals("0"), Long.parseLong(entry));
  }

  /** No value of these has a use for percent signs; one that has some fails its own check. */
  private static Map<String, String> query(String text) {
    Map<String, String> values = new HashMap<>();
    for (String pair : text.split("&", -1)) {
      int equals = pair.indexOf('=');
      if (equals > 0 && values.put(pair.substring(0, equals), pair.substring(equals + 1)) != null) {
        values.put(pair.substring(0, equals), "?"); // said twice: means nothing
      }
    }
    return values;
  }

  private static Refusal refused(int status, String text) {
    return new Refusal(HttpAnswer.of(Envelope.bare(status, text)));
  }
}
