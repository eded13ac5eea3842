package dev.serai.tpm;

import dev.serai.tpm.spec.TpmHash;
import java.util.List;
import java.util.Map;

/**
 * What a TPM says of itself.
 *
 * @param manufacturer four letters, for instance "IBM "
 * @param vendor vendor strings joined
 * @param firmware firmware version, dotted
 * @param tcti the TCTI string in use and why it was chosen, for people
 * @param activeBanks PCR banks with at least one PCR
 * @param dictionaryAttack the defence of passwords against guessing
 * @param loadedHandles transient objects and sessions this process holds now
 * @param fixed TPM_PT_FIXED properties by number
 */
public record TpmProperties(
    String manufacturer,
    String vendor,
    String firmware,
    String tcti,
    List<TpmHash> activeBanks,
    DictionaryAttack dictionaryAttack,
    int loadedHandles,
    Map<Integer, Long> fixed) {
  public TpmProperties {
    activeBanks = List.copyOf(activeBanks);
    fixed = Map.copyOf(fixed);
  }

  /** Dictionary attack lockout is in force. */
  public boolean lockout() {
    return dictionaryAttack.locked();
  }
}
