package dev.serai.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.appraisal.AttestationKey;
import dev.serai.appraisal.CertifyBinding;
import dev.serai.appraisal.CertifyVerifier;
import dev.serai.appraisal.ChallengeStanding;
import dev.serai.appraisal.Check;
import dev.serai.appraisal.DelegatedEvidence;
import dev.serai.appraisal.EnrolledNodes;
import dev.serai.appraisal.NodeRecord;
import dev.serai.appraisal.SignedStatement;
import dev.serai.net.MaterialSource;
import dev.serai.net.PinnedCertificateTls;
import dev.serai.net.RoleIdentities;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.envoy.auth.v3.AttributeContext;
import dev.serai.proto.envoy.auth.v3.AuthorizationGrpc;
import dev.serai.proto.envoy.auth.v3.CheckRequest;
import dev.serai.proto.envoy.auth.v3.CheckResponse;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RoleContext;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmName;
import dev.serai.tpm.wire.TpmtPublic;
import io.grpc.ManagedChannel;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Base64;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * What the demo asks the running roles of the sovereign path, over their own listeners: as a peer
 * of the agent, a client of the sensor service and the proxy before a service.
 */
final class DemoQuestions {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int NONCE_BYTES = 32;

  /** Which PCRs a challenge asked for: none was. */
  private static final PcrSelection NO_CHALLENGE = PcrSelection.of(TpmHash.SHA256, 0);

  private final RoleContext context;

  DemoQuestions(RoleContext context) {
    this.context = context;
  }

  /**
   * Has the AK certify the App Key, as a verifier that is a process of its own would ask for it,
   * and verifies the answer with the AK that was enrolled.
   *
   * @return the certified Name, hex
   */
  String certify(String nodeId) throws Exception {
    NodeRecord node =
        context
            .find("enrolledNodes", EnrolledNodes.class)
            .byId(nodeId)
            .orElseThrow(() -> failed(ReasonCode.NODE_UNKNOWN, nodeId));
    String key = pem("PUBLIC KEY", appKey().toArray());
    byte[] random = new byte[NONCE_BYTES];
    new SecureRandom().nextBytes(random);
    String nonce = Bytes.copyOf(random).toHex();
    JsonNode results = askCertify(node, key, nonce).path("results");
    Bytes certificate = Bytes.ofBase64(results.path("app_key_certificate").asText());
    DelegatedEvidence evidence =
        new DelegatedEvidence(
            nodeId, nonce, "", key, certificate, Optional.empty(), Optional.empty());
    Bytes area =
        Bytes.copyOf(
            SovereignAttestation.parseFrom(
                    evidence
                        .request(ChallengeStanding.UNKNOWN, NO_CHALLENGE)
                        .attestation()
                        .toArray())
                .getAppKeyTpmPublic()
                .toByteArray());
    JsonNode parts = JSON.readTree(certificate.toArray());
    Check<TpmName> certified =
        CertifyVerifier.verify(
            new SignedStatement(
                Bytes.ofBase64(parts.path("certify_data").asText()),
                Bytes.ofBase64(parts.path("signature").asText())),
            AttestationKey.of(node.ek(), node.ak(), Signatures.fastest()),
            CertifyBinding.prototypeQualifyingData(appKey(), nonce),
            TpmtPublic.parse(area));
    if (certified instanceof Check.Failed<TpmName> no) {
      throw failed(no.reason().code(), no.reason().detail());
    }
    return ((Check.Passed<TpmName>) certified).fact().toHex();
  }

  private JsonNode askCertify(NodeRecord node, String key, String nonce) throws Exception {
    X509Certificate pinned =
        certificate(node.mtlsCertificatePem().orElseThrow().getBytes(StandardCharsets.US_ASCII));
    HttpClient peer =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .sslContext(
                PinnedCertificateTls.client(pinned, Optional.of(verifier()))
                    .createSSLContext(context.camel()))
            .build();
    return post(
        peer,
        HttpRequest.newBuilder(
            URI.create(
                "https://127.0.0.1:%d/v2.2/delegated_certification/certify_app_key"
                    .formatted(context.settings().integer("serai.agent.port")))),
        JSON.createObjectNode()
            .put("command", "certify_app_key")
            .put("app_key_public", key)
            .put("challenge_nonce", nonce));
  }

  /** The public key of the agent's SVID, whose private key is in the TPM. */
  private Bytes appKey() throws Exception {
    byte[] chain = Files.readAllBytes(context.stateDir().resolve("agent/agent-svid.pem"));
    return Bytes.copyOf(certificate(chain).getPublicKey().getEncoded());
  }

  private MaterialSource verifier() {
    return context.find("roleIdentities", RoleIdentities.class).forRole("verifier");
  }

  /** Whether the operator has the device where it belongs, by the sensor service's own API. */
  boolean verifyWithOperator() throws Exception {
    String token =
        Files.readString(context.stateDir().resolve("sensor/bearer-token"), StandardCharsets.UTF_8);
    JsonNode answer =
        post(
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build(),
            HttpRequest.newBuilder(
                    URI.create(
                        "http://127.0.0.1:%d/verify"
                            .formatted(context.settings().integer("serai.sensor.port"))))
                .header("Authorization", "Bearer " + token.strip()),
            JSON.createObjectNode()
                .put("sensor_type", DemoSensor.TYPE)
                .put("sensor_id", DemoSensor.SENSOR_ID)
                .put("sensor_imei", DemoSensor.IMEI)
                .put("sensor_imsi", DemoSensor.IMSI));
    return answer.path("verification_result").asBoolean(false);
  }

  private static JsonNode post(HttpClient client, HttpRequest.Builder to, JsonNode body)
      throws IOException, InterruptedException {
    HttpResponse<String> answer =
        client.send(
            to.timeout(PATIENCE)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 200) {
      throw failed(
          ReasonCode.PEER_UNAVAILABLE, "%d %s".formatted(answer.statusCode(), answer.body()));
    }
    return JSON.readTree(answer.body());
  }

  /** What a gate answers the proxy about a client: whether it may pass, and what it is told. */
  record GateAnswer(boolean passes, String text) {}

  /** About the workload that has this certificate. */
  GateAnswer gate(Path svid) throws Exception {
    return gate(certificate(Files.readAllBytes(svid)));
  }

  /** About a client of this trust domain whose certificate claims nothing. */
  GateAnswer gateWithoutClaims() throws Exception {
    return gate(verifier().current().orElseThrow().leaf());
  }

  private GateAnswer gate(X509Certificate client) throws Exception {
    String encoded =
        URLEncoder.encode(pem("CERTIFICATE", client.getEncoded()), StandardCharsets.US_ASCII)
            .replace("+", "%20");
    ManagedChannel channel =
        SpiffeChannels.unix(Path.of(context.settings().text("serai.gate.socket")));
    try {
      CheckResponse answer =
          AuthorizationGrpc.newBlockingStub(channel)
              .withDeadlineAfter(PATIENCE.toSeconds(), TimeUnit.SECONDS)
              .check(
                  CheckRequest.newBuilder()
                      .setAttributes(
                          AttributeContext.newBuilder()
                              .setSource(
                                  AttributeContext.Peer.newBuilder().setCertificate(encoded)))
                      .build());
      return answer.getStatus().getCode() == 0 && answer.hasOkResponse()
          ? new GateAnswer(true, "")
          : new GateAnswer(
              false,
              "%d %s"
                  .formatted(
                      answer.getDeniedResponse().getStatus().getCode(),
                      answer.getDeniedResponse().getBody().strip()));
    } finally {
      channel.shutdownNow();
    }
  }

  private static X509Certificate certificate(byte[] pem) throws Exception {
    return (X509Certificate)
        CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(pem));
  }

  private static String pem(String label, byte[] der) {
    return "-----BEGIN %1$s-----\n%2$s\n-----END %1$s-----\n"
        .formatted(label, Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der));
  }

  private static RefusalException failed(ReasonCode code, String detail) {
    return new RefusalException(code, detail);
  }
}
