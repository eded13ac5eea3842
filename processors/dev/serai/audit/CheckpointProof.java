package dev.serai.audit;

import dev.serai.appraisal.AttestationKey;
import dev.serai.appraisal.Check;
import dev.serai.appraisal.KeyAttributes;
import dev.serai.appraisal.SignedStatement;
import dev.serai.signing.Signatures;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.TpmName;
import dev.serai.tpm.wire.TpmsAttest;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.Optional;

/**
 * Whether a checkpoint's quote is one: a quote, over exactly this checkpoint, by a key with the
 * attributes of an attestation key. Whose key it is, its Name says; who enrolled it has to be asked
 * elsewhere.
 */
final class CheckpointProof {
  private CheckpointProof() {}

  /** The Name of the key, or empty when it is not sound. */
  static Optional<TpmName> requireSound(Checkpoint checkpoint) {
    SignedCheckpoint signed = checkpoint.signed().orElseThrow();
    TpmtPublic ak;
    try {
      ak = TpmtPublic.parseSized(signed.ak());
    } catch (MalformedStructureException e) {
      return Optional.empty();
    }
    if (KeyAttributes.wrongAsAttestationKey(ak).isPresent()) {
      return Optional.empty();
    }
    Check<TpmsAttest> authentic =
        AttestationKey.ofUnknownParent(ak, Signatures.fastest())
            .authentic(new SignedStatement(signed.statement(), signed.signature()));
    return authentic instanceof Check.Passed<TpmsAttest> passed
            && passed.fact().body() instanceof TpmsAttest.Quote
            && passed
                .fact()
                .extraData()
                .equals(
                    ChainHash.ofCheckpoint(
                        checkpoint.chainId(), checkpoint.sequence(), checkpoint.hash()))
        ? Optional.of(ak.name())
        : Optional.empty();
  }
}
