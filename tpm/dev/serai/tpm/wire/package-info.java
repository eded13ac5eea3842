/**
 * TPM structures between bytes and records, and MakeCredential. No I/O, no native code, no Camel: a
 * verifier without a TPM uses this package. Received bytes are kept next to what was read from
 * them; signatures and Names are computed over those.
 */
package dev.serai.tpm.wire;
