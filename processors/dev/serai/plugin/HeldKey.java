package dev.serai.plugin;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.wire.TpmtPublic;

/** The App Key that this agent holds. */
public record HeldKey(KeyRef.App key, TpmtPublic publicArea) {
  /** DER SubjectPublicKeyInfo. */
  public Bytes info() {
    return Bytes.copyOf(publicArea.publicKey().getEncoded());
  }

  boolean isRsa() {
    return publicArea.kind() == TpmtPublic.Kind.RSA;
  }
}
