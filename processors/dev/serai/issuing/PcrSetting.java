package dev.serai.issuing;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrSelection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;

/** The PCRs of serai.issuer.challenge-pcrs: {@code sha256:0,1,2+sha384:0}. */
final class PcrSetting {
  private PcrSetting() {}

  /**
   * @throws RefusalException CONFIGURATION_INVALID
   */
  static PcrSelection parse(String text) {
    Map<TpmHash, SortedSet<Integer>> banks = new LinkedHashMap<>();
    try {
      for (String part : text.split("\\+", -1)) {
        String[] bankAndIndices = part.trim().split(":", 2);
        TpmHash bank =
            TpmHash.byBankName(bankAndIndices[0])
                .orElseThrow(() -> new IllegalArgumentException("bank " + bankAndIndices[0]));
        SortedSet<Integer> indices = new TreeSet<>();
        for (String index : bankAndIndices[1].split(",", -1)) {
          indices.add(Integer.valueOf(index.trim()));
        }
        if (banks.put(bank, indices) != null) {
          throw new IllegalArgumentException("bank " + bankAndIndices[0] + " twice");
        }
      }
      return new PcrSelection(banks);
    } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID,
          "serai.issuer.challenge-pcrs: " + text + " is not of the form sha256:0,1,2",
          e);
    }
  }
}
