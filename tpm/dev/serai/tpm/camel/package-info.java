/**
 * The Camel component {@code tpm:}, so that flows through the TPM read as routes and show in
 * Hawtio. The only package below dev.serai.tpm that imports Camel; it sees the TPM only as {@link
 * dev.serai.tpm.Tpm}.
 */
package dev.serai.tpm.camel;
