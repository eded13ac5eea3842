/**
 * A JCA provider whose private keys stay in the TPM, so that the JDK's TLS and BouncyCastle's
 * certificate requests sign with them. It sees the TPM only as {@link dev.serai.tpm.Tpm}.
 */
package dev.serai.tpm.jca;
