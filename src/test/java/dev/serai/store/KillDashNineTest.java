package dev.serai.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that dies by SIGKILL in the middle of writing loses no row it was told is kept. */
@Tag("slow")
class KillDashNineTest {
  @TempDir Path dir;

  @Test
  void no_acknowledged_row_is_lost_when_the_process_is_killed() throws Exception {
    Path file = dir.resolve("serai.db");
    Set<String> acknowledged = new HashSet<>();
    for (int round = 0; round < 5; round++) {
      acknowledged.addAll(writeUntilKilled(file, "r" + round + "-", 20 + 37 * round));
    }
    try (Database database = SqliteDatabase.open(file, "classpath:store-test")) {
      assertThat(acknowledged).hasSizeGreaterThan(300);
      assertThat(database.read(SqliteDatabaseTest::texts)).containsAll(acknowledged);
    }
  }

  private static Set<String> writeUntilKilled(Path file, String prefix, int killAfter)
      throws IOException, InterruptedException {
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                Writer.class.getName(),
                file.toString(),
                prefix)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    Set<String> acknowledged = new HashSet<>();
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
      String line;
      while ((line = lines.readLine()) != null) {
        if (line.startsWith("kept " + prefix) && line.endsWith(".")) {
          acknowledged.add(line.substring(5, line.length() - 1));
        }
        if (acknowledged.size() == killAfter) {
          child.toHandle().destroyForcibly(); // leaves its output readable
        }
      }
    } finally {
      child.destroyForcibly();
    }
    assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(child.exitValue()).isEqualTo(128 + 9);
    return acknowledged;
  }

  /** The child: writes rows and says each one after its commit. */
  static final class Writer {
    private Writer() {}

    public static void main(String[] args) {
      Database database = SqliteDatabase.open(Path.of(args[0]), "classpath:store-test");
      for (int i = 0; ; i++) {
        String text = args[1] + i;
        database.write(
            c -> SqliteDatabaseTest.execute(c, "INSERT INTO note(text) VALUES ('" + text + "')"));
        System.out.println("kept " + text + ".");
      }
    }
  }
}
