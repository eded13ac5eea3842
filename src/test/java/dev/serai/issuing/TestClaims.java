package dev.serai.issuing;

import dev.serai.claims.Privacy;
import dev.serai.location.DeviceKey;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Composers with a key that nobody keeps. */
final class TestClaims {
  private static final DeviceKey KEY = key();

  private TestClaims() {}

  private static DeviceKey key() {
    try {
      Path directory = Files.createTempDirectory("serai-device-key");
      Path file = directory.resolve("device.key");
      DeviceKey key = DeviceKey.in(file);
      Files.delete(file);
      Files.delete(directory);
      return key;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static ClaimsComposer composer(Privacy privacy) {
    return composer(privacy, EntryLocationRules.NONE);
  }

  static ClaimsComposer composer(Privacy privacy, EntryLocationRules rules) {
    return new ClaimsComposer(privacy, KEY, rules);
  }
}
