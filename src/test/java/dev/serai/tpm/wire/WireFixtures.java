package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** Files under src/test/resources/fixtures. */
public final class WireFixtures {
  private WireFixtures() {}

  /** The bytes of a fixture, by its path under fixtures/. */
  public static Bytes fixture(String path) {
    try (InputStream in = WireFixtures.class.getResourceAsStream("/fixtures/" + path)) {
      if (in == null) {
        throw new IllegalArgumentException("no fixture " + path);
      }
      return Bytes.copyOf(in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
