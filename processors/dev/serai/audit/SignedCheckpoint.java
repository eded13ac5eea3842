package dev.serai.audit;

import dev.serai.tpm.Bytes;

/**
 * A TPM's quote over a checkpoint.
 *
 * @param statement TPMS_ATTEST; its extraData is {@link ChainHash#ofCheckpoint}
 * @param signature TPMT_SIGNATURE
 * @param ak TPM2B_PUBLIC of the restricted key that signed
 */
public record SignedCheckpoint(Bytes statement, Bytes signature, Bytes ak) {}
