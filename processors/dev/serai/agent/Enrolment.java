package dev.serai.agent;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.security.MessageDigest;

/**
 * What the registrar was told and has activated. As long as nothing of it changes there is no need
 * to tell it again.
 */
record Enrolment(
    @JsonProperty("node_id") String nodeId,
    @JsonProperty("ek_name") String ekName,
    @JsonProperty("ak_name") String akName,
    @JsonProperty("registrar") String registrar,
    @JsonProperty("contact_host") String contactHost,
    @JsonProperty("contact_port") int contactPort,
    @JsonProperty("server_certificate_sha256") String serverCertificate) {

  /** The file it is kept in. */
  static final String FILE = "enrolment.json";

  static Enrolment of(TpmIdentity tpm, AgentSettings settings, SoftwareKeys.Server server) {
    MessageDigest sha256 = TpmHash.SHA256.newDigest();
    Bytes.ofText(server.certificatePem()).writeTo(sha256);
    return new Enrolment(
        tpm.nodeId().text(),
        tpm.ek().name().toHex(),
        tpm.ak().name().toHex(),
        settings.registrar().toString(),
        settings.contactHost(),
        settings.contactPort(),
        Bytes.copyOf(sha256.digest()).toHex());
  }
}
