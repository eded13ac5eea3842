package dev.serai.role;

import java.util.Optional;

/**
 * What a role can take over from a changed configuration without a restart. First every role is
 * asked, and only when none refuses are the changes made.
 */
@FunctionalInterface
public interface Reloadable {

  /**
   * Reads what it needs, files too, and changes nothing yet.
   *
   * @throws dev.serai.reason.RefusalException CONFIGURATION_INVALID: the reload is refused and
   *     everything stays as it is
   */
  Change prepare(Settings fresh);

  /**
   * A change that is ready to be made.
   *
   * @param news what is new beside the values of keys, for instance the content of a file
   * @param record puts it on record, before any change is made; when that fails none is
   * @param apply makes it; does not fail
   */
  record Change(Optional<String> news, Runnable record, Runnable apply) {
    public Change(Optional<String> news, Runnable apply) {
      this(news, () -> {}, apply);
    }

    public static Change of(Runnable apply) {
      return new Change(Optional.empty(), apply);
    }
  }
}
