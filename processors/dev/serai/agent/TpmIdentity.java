package dev.serai.agent;

import dev.serai.keylime.AgentId;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.List;

/**
 * Who this machine is, as its TPM says.
 *
 * @param ekCertificates DER, the EK certificate first; empty when the TPM holds none
 * @param nodeId from the EK's Name, so the same TPM is always the same node
 */
record TpmIdentity(
    AgentId nodeId,
    KeyRef.Endorsement ekKind,
    TpmtPublic ek,
    List<Bytes> ekCertificates,
    KeyRef.Attestation akKind,
    TpmtPublic ak) {
  TpmIdentity {
    ekCertificates = List.copyOf(ekCertificates);
  }
}
