/**
 * The TPM of this machine through libtss2 (ESYS, MU, TctiLdr, RC) by JNA. The only package that
 * imports com.sun.jna; no native pointer leaves it. It knows nothing of Serai above {@link
 * dev.serai.tpm.Tpm} and nothing of Camel.
 *
 * <p>{@link dev.serai.tpm.tss.TssTpm} owns the threads and deadlines; below it {@code TpmSession}
 * holds keys and {@code EsysContext} makes the calls, both confined to one owner thread. No C
 * structure is laid out in Java: libtss2's own MU functions turn wire bytes into its structures.
 */
package dev.serai.tpm.tss;
