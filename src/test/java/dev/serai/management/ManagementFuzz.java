package dev.serai.management;

import dev.serai.fuzz.Fuzzed;
import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** What browsers send to the management port. */
public final class ManagementFuzz {
  private static final String PASSWORD = "correct horse battery staple";

  private ManagementFuzz() {}

  /** Made when the first one comes. */
  private static final class Kept {
    static final ConsolePassword CONSOLE = console();

    private static ConsolePassword console() {
      try {
        Path file = Files.createTempFile("fuzz", ".password");
        try {
          Files.writeString(file, PASSWORD);
          return ConsolePassword.at(file);
        } finally {
          Files.delete(file);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Whoever is let in sent the password. */
  public static void authorization(byte[] in) {
    String header = Bytes.copyOf(in).toText();
    if (Kept.CONSOLE.accepts(Optional.of(header))) {
      Bytes shown = Bytes.ofBase64(header.substring("Basic ".length()).trim());
      Fuzzed.same("serai:" + PASSWORD, shown.toText(), "who is let in knows the password");
    }
  }

  public static void query(byte[] in) {
    Fuzzed.check(
        ManagementServer.parameters(Bytes.copyOf(in).toText()).values().stream()
            .allMatch(values -> values.length > 0),
        "a parameter that is there has a value");
  }
}
