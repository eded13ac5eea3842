package dev.serai.testing.faults;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The wall clock of other processes, moved by libfaketime while they run; their monotonic clock
 * goes on as it is, as on a machine whose time is set. This JVM and the machine keep their time.
 */
public final class ProcessClock {
  private static final List<Path> PLACES =
      List.of(Path.of("/usr/lib/x86_64-linux-gnu"), Path.of("/usr/lib/aarch64-linux-gnu"));

  private static final Pattern LEFT = Pattern.compile("(?:sem\\.)?faketime_.*_(\\d+)");

  private final Path library;
  private final Path file;
  private volatile Duration offset = Duration.ZERO;

  private ProcessClock(Path library, Path file) {
    this.library = library;
    this.file = file;
  }

  /** Empty where libfaketime is not installed. */
  public static Optional<ProcessClock> in(Path file) throws IOException {
    Optional<Path> library =
        PLACES.stream()
            .map(place -> place.resolve("faketime/libfaketime.so.1"))
            .filter(Files::exists)
            .findFirst();
    if (library.isEmpty()) {
      return Optional.empty();
    }
    sweep();
    ProcessClock clock = new ProcessClock(library.get(), file);
    clock.set(Duration.ZERO);
    return Optional.of(clock);
  }

  /** What a process needs in its environment to follow this clock. */
  public Map<String, String> environment() {
    return Map.of(
        "LD_PRELOAD", library.toString(),
        "FAKETIME_TIMESTAMP_FILE", file.toString(),
        "FAKETIME_CACHE_DURATION", "1",
        "FAKETIME_FORCE_MONOTONIC_FIX", "0",
        "FAKETIME_DONT_FAKE_MONOTONIC", "1");
  }

  /** Within a second the processes see the real time plus this. */
  public void set(Duration newOffset) throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    long seconds = newOffset.toSeconds();
    Files.writeString(fresh, (seconds < 0 ? "" : "+") + seconds + "\n");
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    offset = newOffset;
  }

  public Duration offset() {
    return offset;
  }

  /** The time there. */
  public Instant now() {
    return Instant.now().plus(offset);
  }

  /** What libfaketime leaves of processes that were killed. */
  public static void sweep() {
    try (Stream<Path> files = Files.list(Path.of("/dev/shm"))) {
      for (Path left : files.toList()) {
        Matcher name = LEFT.matcher(left.getFileName().toString());
        if (name.matches() && !Files.exists(Path.of("/proc", name.group(1)))) {
          Files.deleteIfExists(left);
        }
      }
    } catch (IOException e) {
      return; // a few bytes that harm nobody
    }
  }
}
