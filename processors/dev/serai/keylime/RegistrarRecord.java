package dev.serai.keylime;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Optional;

/** Results of GET agents/:id at the registrar; fields as in {@link RegisterRequest}. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record RegistrarRecord(
    @JsonProperty("agent_id") Optional<String> agentId,
    @JsonProperty("ek_tpm") String ekTpm,
    @JsonProperty("ekcert") Optional<String> ekCertificate,
    @JsonProperty("aik_tpm") String akTpm,
    @JsonProperty("mtls_cert") Optional<String> mtlsCertificate,
    @JsonProperty("ip") Optional<String> ip,
    @JsonProperty("port") Optional<Integer> port,
    @JsonProperty("regcount") int registrationCount) {}
