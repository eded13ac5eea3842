package dev.serai.appraisal;

import dev.serai.tpm.Bytes;

/** TPMS_ATTEST and TPMT_SIGNATURE as received; nothing is verified yet. */
public record SignedStatement(Bytes attest, Bytes signature) {}
