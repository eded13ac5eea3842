package dev.serai.enrolment;

import static dev.serai.reason.ReasonCode.AK_MISSING;
import static dev.serai.reason.ReasonCode.EK_MISSING;
import static dev.serai.reason.ReasonCode.MALFORMED_REQUEST;
import static dev.serai.reason.ReasonCode.NODE_ID_INVALID;
import static dev.serai.reason.ReasonCode.REQUEST_TOO_LARGE;

import dev.serai.keylime.ActivateRequest;
import dev.serai.keylime.AgentId;
import dev.serai.keylime.KeylimeJson;
import dev.serai.keylime.RegisterRequest;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.Optional;

/** Makes claims from request bodies, or refuses what is not well-formed. */
final class EnrolmentReader {
  private static final int MAX_PUBLIC = 1200;
  private static final int MAX_IP = 255;
  private static final int MAX_MTLS_CERTIFICATE = 16 * 1024;
  private static final int MAX_ACTIVATION = 4 * 1024;
  private static final String TAG_LIMIT = "[0-9a-fA-F]{1,128}";

  private EnrolmentReader() {}

  static Enrolment.Claimed claim(RegistrarCall call) {
    RegisterRequest request = body(call.body(), RegisterRequest.MAX_SIZE, RegisterRequest.class);
    AgentId node = node(call.node(), request.agentId());
    try {
      return new Enrolment.Claimed(
          node,
          publicArea("ek_tpm", request.ekTpm(), EK_MISSING),
          request.ekCertificate().filter(text -> !text.isBlank()).isPresent()
              ? EkCertificates.parse(request.ekCertificate().get())
              : EkCertificates.NONE,
          publicArea("aik_tpm", request.akTpm(), AK_MISSING),
          contact(request));
    } catch (MalformedStructureException e) {
      throw refused(MALFORMED_REQUEST, e.getMessage());
    }
  }

  static Enrolment.Answered answer(RegistrarCall call) {
    ActivateRequest request = body(call.body(), MAX_ACTIVATION, ActivateRequest.class);
    String tag =
        request
            .authTag()
            .filter(text -> text.matches(TAG_LIMIT))
            .orElseThrow(() -> refused(MALFORMED_REQUEST, "auth_tag is not hex"));
    return new Enrolment.Answered(node(call.node(), Optional.empty()), tag);
  }

  private static <T> T body(Bytes body, int limit, Class<T> type) {
    if (body.size() > limit) {
      throw refused(
          REQUEST_TOO_LARGE, "%d bytes, at most %d are allowed".formatted(body.size(), limit));
    }
    try {
      return KeylimeJson.read(body, limit, type);
    } catch (MalformedStructureException e) {
      throw refused(MALFORMED_REQUEST, e.getMessage());
    }
  }

  private static AgentId node(Optional<AgentId> inPath, Optional<String> inBody) {
    if (inPath.isPresent()) {
      return inPath.get();
    }
    return inBody
        .flatMap(AgentId::parse)
        .orElseThrow(() -> refused(NODE_ID_INVALID, "agent_id is missing or no node id"));
  }

  private static TpmtPublic publicArea(String field, Optional<String> base64, ReasonCode missing)
      throws MalformedStructureException {
    if (base64.isEmpty() || base64.get().isBlank()) {
      throw refused(missing, field + " is missing");
    }
    return TpmtPublic.parseSized(KeylimeJson.base64(field, base64.get(), MAX_PUBLIC));
  }

  private static Enrolment.Contact contact(RegisterRequest request)
      throws MalformedStructureException {
    Optional<String> ip = request.ip().filter(text -> !text.isBlank());
    if (ip.isPresent() && !ip.get().matches("[A-Za-z0-9.:_-]{1," + MAX_IP + "}")) {
      throw new MalformedStructureException("ip", "neither address nor host name");
    }
    if (request.port().isPresent() && (request.port().get() < 1 || request.port().get() > 65535)) {
      throw new MalformedStructureException("port", "not a port: " + request.port().get());
    }
    Optional<String> mtls = request.mtlsCertificate().filter(text -> !text.isBlank());
    if (mtls.isPresent() && !mtls.get().equals(RegisterRequest.MTLS_DISABLED)) {
      requireOneCertificate(mtls.get());
    }
    return new Enrolment.Contact(ip, request.port(), mtls);
  }

  private static void requireOneCertificate(String pem) throws MalformedStructureException {
    if (pem.length() > MAX_MTLS_CERTIFICATE || !pem.contains("-----BEGIN")) {
      throw new MalformedStructureException("mtls_cert", "neither PEM nor \"disabled\"");
    }
    try {
      EkCertificates.parse(pem);
    } catch (MalformedStructureException e) {
      throw new MalformedStructureException("mtls_cert", "not a certificate");
    }
  }

  private static RefusalException refused(ReasonCode code, String detail) {
    return RegistrarRefusals.enrolment(code, detail);
  }
}
