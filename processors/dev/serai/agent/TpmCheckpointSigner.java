package dev.serai.agent;

import dev.serai.audit.ChainHash;
import dev.serai.audit.CheckpointSigner;
import dev.serai.audit.SignedCheckpoint;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrSelection;

/**
 * Audit checkpoints by the AK: a quote over no PCR, whose qualifying data is made here from the
 * checkpoint. It carries the TPM's clock and reset count, so two of them have an order.
 */
final class TpmCheckpointSigner implements CheckpointSigner {
  private static final PcrSelection NO_PCR = PcrSelection.of(TpmHash.SHA256);

  private final Tpm tpm;
  private final KeyRef.Attestation ak;

  TpmCheckpointSigner(Tpm tpm, KeyRef.Attestation ak) {
    this.tpm = tpm;
    this.ak = ak;
  }

  @Override
  public SignedCheckpoint sign(String chainId, long sequence, Bytes hash) {
    Tpm.Attested quote = tpm.quote(ak, NO_PCR, ChainHash.ofCheckpoint(chainId, sequence, hash));
    return new SignedCheckpoint(quote.attest(), quote.signature(), tpm.publicArea(ak).sized());
  }
}
