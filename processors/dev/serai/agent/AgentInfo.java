package dev.serai.agent;

import com.fasterxml.jackson.annotation.JsonProperty;

/** Results of GET agent/info, field by field as Keylime's agent gives them. */
record AgentInfo(
    @JsonProperty("agent_uuid") String uuid,
    @JsonProperty("tpm_hash_alg") String hashAlgorithm,
    @JsonProperty("tpm_enc_alg") String encryptionAlgorithm,
    @JsonProperty("tpm_sign_alg") String signatureAlgorithm,
    @JsonProperty("ak_handle") long akHandle) {}
