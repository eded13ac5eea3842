package dev.serai.claims;

import java.util.Locale;
import java.util.Optional;

/** What of a location goes into certificates. */
public enum Privacy {
  /** Region, assurance, age and a keyed hash of the device; wrapped in a DER UTF8String. */
  STRICT,
  /** The prototype's JSON as it is: IMEI, IMSI, MSISDN and coordinates, for everybody to read. */
  COMPAT;

  /** As in the configuration. */
  public static Optional<Privacy> of(String word) {
    for (Privacy privacy : values()) {
      if (privacy.word().equals(word)) {
        return Optional.of(privacy);
      }
    }
    return Optional.empty();
  }

  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
