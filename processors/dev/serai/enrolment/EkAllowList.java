package dev.serai.enrolment;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.wire.TpmName;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * Names of endorsement keys an administrator believes in without a certificate, in hex as {@code
 * serai node show} and {@code tpm2_readpublic} print them. From a file it is read again for each
 * question, so a line added there counts at once; a file that cannot be read is a failure, never an
 * empty list.
 */
final class EkAllowList implements Predicate<TpmName> {
  private final Supplier<Set<String>> names;

  private EkAllowList(Supplier<Set<String>> names) {
    this.names = names;
  }

  /** Names in the configuration, or, as the only item, the path of a file with one a line. */
  static EkAllowList configured(List<String> items) {
    if (items.size() == 1 && items.get(0).contains("/")) {
      Path file = Path.of(items.get(0));
      checked(EkTrustStore.lines(file));
      return new EkAllowList(() -> again(file));
    }
    Set<String> fixed = checked(items);
    return new EkAllowList(() -> fixed);
  }

  /** Nothing of the file or its path is for the caller who asked to be enrolled. */
  private static Set<String> again(Path file) {
    try {
      return checked(EkTrustStore.lines(file));
    } catch (RefusalException e) {
      throw new IllegalStateException("the allow list can no longer be read: " + e.reason());
    }
  }

  static Set<String> checked(List<String> items) {
    Set<String> names = new HashSet<>();
    for (String item : items) {
      String name = item.toLowerCase(Locale.ROOT);
      if (!name.matches("(000b[0-9a-f]{64})|(000c[0-9a-f]{96})|(000d[0-9a-f]{128})")) {
        throw new RefusalException(
            ReasonCode.CONFIGURATION_INVALID,
            "serai.registrar.ek-allow-list: not the Name of a key in hex: " + item);
      }
      names.add(name);
    }
    return Set.copyOf(names);
  }

  @Override
  public boolean test(TpmName name) {
    return names.get().contains(name.toHex());
  }
}
