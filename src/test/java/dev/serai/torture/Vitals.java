package dev.serai.torture;

import static org.awaitility.Awaitility.await;

import dev.serai.torture.Hop.Host;
import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.awaitility.core.ConditionTimeoutException;

/**
 * Threads, descriptors, heap and TPM objects of the processes against what each had when it was
 * first ready. A process that was killed has a new base line.
 */
final class Vitals {
  /** Pools that fill up to their bounds under their first load are not a leak. */
  private static final int MORE_THREADS = 40;

  private static final int MORE_DESCRIPTORS = 60;
  private static final long MORE_HEAP_KIB = 40 << 10; // with buffers that netty keeps
  private static final Duration SETTLED = Duration.ofSeconds(75);
  private static final Pattern USED = Pattern.compile("generation.* used (\\d+)K");

  private final Site site;
  private final Map<Long, Sample> base = new HashMap<>();
  private final List<String> lines = new ArrayList<>();
  private final int tpmObjects;

  /** heapKib: after a collection. */
  private record Sample(int threads, int descriptors, long heapKib) {}

  Vitals(Site site) throws Exception {
    this.site = site;
    tpmObjects = tpmObjects();
    for (long pid : site.running().values()) {
      base.put(pid, sample(pid, true));
    }
  }

  /** What did not come back within the time. */
  List<String> check(boolean withHeap) {
    List<String> wrong = new ArrayList<>();
    site.running()
        .forEach(
            (host, pid) -> {
              try {
                Sample first = base.get(pid);
                if (first == null) {
                  base.put(pid, sample(pid, true));
                  return;
                }
                settle(host, pid, first, withHeap).ifPresent(wrong::add);
              } catch (IOException e) {
                wrong.add(host + ": " + e.getMessage());
              }
            });
    try {
      await().atMost(SETTLED).ignoreExceptions().until(() -> tpmObjects() <= tpmObjects);
    } catch (ConditionTimeoutException e) {
      wrong.add("the TPM holds more objects than the %d at first".formatted(tpmObjects));
    }
    return wrong;
  }

  private java.util.Optional<String> settle(Host host, long pid, Sample first, boolean withHeap)
      throws IOException {
    Sample[] last = new Sample[1];
    try {
      await()
          .atMost(SETTLED)
          .pollInterval(Duration.ofMillis(200))
          .until(
              () -> {
                last[0] = sample(pid, false);
                return last[0].threads <= first.threads + MORE_THREADS
                    && last[0].descriptors <= first.descriptors + MORE_DESCRIPTORS;
              });
    } catch (ConditionTimeoutException e) {
      return java.util.Optional.of(
          "%s: %d threads and %d descriptors, at first %d and %d"
              .formatted(
                  host, last[0].threads, last[0].descriptors, first.threads, first.descriptors));
    }
    if (!withHeap) {
      return java.util.Optional.empty();
    }
    Sample now = sample(pid, true);
    lines.add(
        "%s threads %d->%d descriptors %d->%d heap %d->%d KiB"
            .formatted(
                host.shortName(),
                first.threads,
                now.threads,
                first.descriptors,
                now.descriptors,
                first.heapKib,
                now.heapKib));
    if (first.heapKib > 0 && now.heapKib > first.heapKib + MORE_HEAP_KIB) {
      return java.util.Optional.of(
          "%s: %d KiB of heap after a collection, at first %d"
              .formatted(host, now.heapKib, first.heapKib));
    }
    return java.util.Optional.empty();
  }

  /** The last measurements in words. */
  List<String> takeLines() {
    List<String> taken = List.copyOf(lines);
    lines.clear();
    return taken;
  }

  private static Sample sample(long pid, boolean withHeap) throws IOException {
    int threads = 0;
    for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
      if (line.startsWith("Threads:")) {
        threads = Integer.parseInt(line.replaceAll("\\D", ""));
      }
    }
    int descriptors;
    try (Stream<Path> files = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      descriptors = (int) files.count();
    }
    return new Sample(threads, descriptors, withHeap ? heapKib(pid) : 0);
  }

  private static long heapKib(long pid) throws IOException {
    jcmd(pid, "GC.run");
    long used = 0;
    Matcher found = USED.matcher(jcmd(pid, "GC.heap_info"));
    while (found.find()) {
      used += Long.parseLong(found.group(1));
    }
    return used;
  }

  /** What the jcmd tool does, without a JVM of its own for each question. */
  private static String jcmd(long pid, String command) throws IOException {
    Path socket = Path.of("/tmp/.java_pid" + pid);
    if (!Files.exists(socket)) {
      Path wish = Path.of("/proc/" + pid + "/cwd/.attach_pid" + pid);
      Path real = Files.createFile(wish).toRealPath();
      try {
        new ProcessBuilder("kill", "-QUIT", Long.toString(pid)).start();
        await().atMost(Duration.ofSeconds(60)).until(() -> Files.exists(socket));
      } finally {
        Files.deleteIfExists(real);
      }
    }
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(socket));
      channel.write(
          ByteBuffer.wrap(("1\0jcmd\0" + command + "\0\0\0").getBytes(StandardCharsets.US_ASCII)));
      return new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /** Transient objects and loaded sessions: TPM2_GetCapability(TPM_CAP_HANDLES). */
  private int tpmObjects() {
    return handles("80000000") + handles("02000000");
  }

  private int handles(String range) {
    Bytes answer =
        site.swtpm().transmit(Bytes.ofHex("8001000000160000017a00000001" + range + "00000040"));
    return ByteBuffer.wrap(answer.toArray()).getInt(5);
  }
}
