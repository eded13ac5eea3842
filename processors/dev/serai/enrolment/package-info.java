/**
 * The registrar: binds a node id to one TPM. An endorsement key is believed because a configured
 * authority vouches for it or because it is on the allow list; an attestation key because the TPM
 * that holds the endorsement key opened a challenge made for it. It knows nothing of quotes,
 * policies or identities that follow from them.
 */
package dev.serai.enrolment;
