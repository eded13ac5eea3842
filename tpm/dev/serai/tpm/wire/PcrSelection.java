package dev.serai.tpm.wire;

import dev.serai.tpm.spec.TpmHash;
import java.util.Map;
import java.util.SortedSet;

/** Which PCRs of which banks: TPML_PCR_SELECTION without its size-of-select. (wire helper) */
public record PcrSelection(Map<TpmHash, SortedSet<Integer>> pcrs) {}
