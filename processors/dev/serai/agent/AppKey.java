package dev.serai.agent;

import dev.serai.tpm.KeyRef;
import dev.serai.tpm.wire.TpmtPublic;

/** The App Key: what the agent's own SVID is for. It signs only inside the TPM. */
record AppKey(KeyRef.App key, TpmtPublic publicArea) {}
