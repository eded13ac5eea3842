package dev.serai.agent;

import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What firmware and kernel wrote down of their measurements. A log that is not there, not readable
 * or larger than the limit is not sent; the verifier decides whether it needs one.
 */
final class MeasurementLogs {
  private static final Logger LOG = LoggerFactory.getLogger(MeasurementLogs.class);
  private static final int MOST = 16 * 1024 * 1024;

  private final Path ima;
  private final Path boot;

  MeasurementLogs(Path ima, Path boot) {
    this.ima = ima;
    this.boot = boot;
  }

  /** Lines of the IMA list from an entry on; beyond its end, the whole list from entry 0. */
  record ImaList(String lines, long from) {}

  Optional<ImaList> ima(long from) {
    return read(ima)
        .map(
            bytes -> {
              String all = new String(bytes.toArray(), StandardCharsets.UTF_8);
              int at = 0;
              for (long line = 0; line < from; line++) {
                int end = all.indexOf('\n', at);
                if (end < 0) {
                  return new ImaList(all, 0);
                }
                at = end + 1;
              }
              return new ImaList(all.substring(at), from);
            });
  }

  /** TCG event log, binary. */
  Optional<Bytes> boot() {
    return read(boot);
  }

  private static Optional<Bytes> read(Path file) {
    // Files of securityfs have no size: read up to the limit and see.
    if (!Files.isReadable(file)) {
      return Optional.empty();
    }
    try (InputStream in = Files.newInputStream(file)) {
      byte[] content = in.readNBytes(MOST + 1);
      if (content.length > MOST) {
        LOG.warn("{} is larger than {} bytes and is not sent", file, MOST);
        return Optional.empty();
      }
      return Optional.of(Bytes.copyOf(content));
    } catch (IOException e) {
      LOG.warn("{} cannot be read and is not sent: {}", file, e.getMessage());
      return Optional.empty();
    }
  }
}
