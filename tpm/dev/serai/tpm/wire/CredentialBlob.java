package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;

/**
 * What MakeCredential gives and ActivateCredential takes: the contents of TPM2B_ID_OBJECT and of
 * TPM2B_ENCRYPTED_SECRET, each without its size prefix. (wire helper completes this)
 */
public record CredentialBlob(Bytes idObject, Bytes encryptedSecret) {}
