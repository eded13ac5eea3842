/**
 * The SPIFFE Workload API: who is calling, which identities are his, and the streams that carry
 * them. Knows processes of this machine and what the agent hands it; must not know the TPM, the
 * issuer, or how identities come to be.
 */
package dev.serai.workload;
