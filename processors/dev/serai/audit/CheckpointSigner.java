package dev.serai.audit;

import dev.serai.tpm.Bytes;

/**
 * Has the TPM of this machine state where the chain stands. A typed operation: the signer makes the
 * quote's qualifying data itself, from these three. Bound under {@value #BEAN} by whoever owns a
 * TPM.
 */
@FunctionalInterface
public interface CheckpointSigner {
  String BEAN = "checkpointSigner";

  SignedCheckpoint sign(String chainId, long sequence, Bytes hash);
}
