package dev.serai.appraisal;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** Copies of PCR values by bank and index. */
final class PcrValues {
  private PcrValues() {}

  static Map<TpmHash, SortedMap<Integer, Bytes>> copyOf(
      Map<TpmHash, ? extends SortedMap<Integer, Bytes>> values) {
    Map<TpmHash, SortedMap<Integer, Bytes>> copy = new EnumMap<>(TpmHash.class);
    values.forEach(
        (bank, ofBank) -> copy.put(bank, Collections.unmodifiableSortedMap(new TreeMap<>(ofBank))));
    return Collections.unmodifiableMap(copy);
  }
}
