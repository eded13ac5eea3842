/** Numbers and names of the TPM 2.0 Library specification; only those in use. */
package dev.serai.tpm.spec;
