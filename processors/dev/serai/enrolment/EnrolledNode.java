package dev.serai.enrolment;

import dev.serai.keylime.AgentId;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.Optional;

/**
 * A node as the registrar keeps it.
 *
 * @param active the node has proven that EK and AK are in one TPM
 * @param banned an administrator does not want this TPM
 */
record EnrolledNode(
    AgentId id,
    TpmtPublic ek,
    Optional<Bytes> ekCertificate,
    TpmtPublic ak,
    boolean active,
    boolean banned,
    Enrolment.Contact contact,
    int registrationCount) {}
