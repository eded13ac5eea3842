package dev.serai.app;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The demo's software TPM: made once with endorsement certificates of a CA of its own, kept
 * running, started again when it dies. For trying Serai out; it proves nothing about a machine.
 */
public final class SoftwareTpm implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SoftwareTpm.class);
  private static final long PAUSE_MS = 300;
  private static final long SETUP_SECONDS = 60;

  private final Path dir;
  private final Path socket;
  private volatile boolean closed;
  private volatile Process process;
  private Thread keeper;

  /**
   * @param socketDir short, for the path of a unix socket is
   */
  public SoftwareTpm(Path dir, Path socketDir) {
    this.dir = dir;
    this.socket = socketDir.resolve("tpm.sock");
  }

  /** For serai.tpm.tcti. */
  public String tcti() {
    return "swtpm:path=" + socket;
  }

  /** The CA certificates that its endorsement certificates lead to. */
  public Path trustDir() {
    return dir.resolve("trust");
  }

  /** Makes it if it is not there yet, and keeps it running from now on. */
  public void start() throws IOException, InterruptedException {
    killLeftOver();
    if (!Files.exists(dir.resolve("state/tpm2-00.permall"))) {
      make();
    }
    launch();
    keeper = new Thread(this::keep, "serai-demo-tpm");
    keeper.setDaemon(true);
    keeper.start();
  }

  /** As a power cycle: the keeper starts it again on the same state, with fresh PCRs. */
  public void powerCycle() {
    Process running = process;
    running.destroyForcibly();
    running.onExit().join();
  }

  private void make() throws IOException, InterruptedException {
    Path state = Files.createDirectories(dir.resolve("state"));
    Path ca = Files.createDirectories(dir.resolve("ca"));
    Path authority = dir.resolve("localca.conf");
    Files.writeString(
        authority,
        "statedir = %1$s\nsigningkey = %1$s/signkey.pem\nissuercert = %1$s/issuercert.pem\ncertserial = %1$s/certserial\n"
            .formatted(ca));
    Path options = Files.writeString(dir.resolve("localca.options"), "");
    Path setup = dir.resolve("setup.conf");
    Files.writeString(
        setup,
        "create_certs_tool = %s\ncreate_certs_tool_config = %s\ncreate_certs_tool_options = %s\n"
            .formatted(tool("swtpm_localca"), authority, options));
    Path log = dir.resolve("setup.log");
    Process maker =
        new ProcessBuilder(
                List.of(
                    tool("swtpm_setup").toString(),
                    "--tpm2",
                    "--tpmstate",
                    state.toString(),
                    "--config",
                    setup.toString(),
                    "--create-ek-cert",
                    "--pcr-banks",
                    "sha1,sha256",
                    "--lock-nvram",
                    "--overwrite"))
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    if (!maker.waitFor(SETUP_SECONDS, TimeUnit.SECONDS) || maker.exitValue() != 0) {
      maker.destroyForcibly();
      throw new RefusalException(ReasonCode.TPM_UNAVAILABLE, "swtpm_setup failed, see " + log);
    }
    Files.createDirectories(trustDir());
    for (String name : List.of("issuercert.pem", "swtpm-localca-rootca-cert.pem")) {
      Files.copy(ca.resolve(name), trustDir().resolve(name), StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static Path tool(String name) {
    for (String place : System.getenv().getOrDefault("PATH", "/usr/bin").split(":")) {
      Path candidate = Path.of(place, name);
      if (Files.isExecutable(candidate)) {
        return candidate;
      }
    }
    throw new RefusalException(
        ReasonCode.TPM_NO_DEVICE,
        "no TPM here and " + name + " is not installed (./serai setup installs it)");
  }

  private void launch() throws IOException {
    Files.deleteIfExists(socket);
    process =
        new ProcessBuilder(
                List.of(
                    tool("swtpm").toString(),
                    "socket",
                    "--tpm2",
                    "--tpmstate",
                    "dir=" + dir.resolve("state"),
                    "--server",
                    "type=unixio,path=" + socket,
                    "--ctrl",
                    "type=unixio,path=" + socket + ".ctrl",
                    "--flags",
                    "not-need-init,startup-clear"))
            .redirectErrorStream(true)
            .redirectOutput(dir.resolve("swtpm.log").toFile())
            .start();
    Files.writeString(pidFile(), Long.toString(process.pid()), StandardCharsets.US_ASCII);
  }

  private void keep() {
    while (!closed) {
      try {
        int code = process.waitFor();
        if (closed) {
          return;
        }
        LOG.warn("the software TPM ended with {}; it is started again", code);
        TimeUnit.MILLISECONDS.sleep(PAUSE_MS);
        launch();
      } catch (IOException e) {
        LOG.warn("the software TPM does not start: {}", e.getMessage());
      } catch (InterruptedException e) {
        return; // closing
      }
    }
  }

  private Path pidFile() {
    return dir.resolve("swtpm.pid");
  }

  /** One that a killed demo left behind holds the state's lock. */
  private void killLeftOver() throws IOException {
    Files.createDirectories(dir);
    if (!Files.exists(pidFile())) {
      return;
    }
    long pid = Long.parseLong(Files.readString(pidFile()).trim());
    String ours = "dir=" + dir.resolve("state");
    ProcessHandle.of(pid)
        .filter(handle -> handle.info().arguments().map(List::of).orElse(List.of()).contains(ours))
        .ifPresent(
            handle -> {
              handle.destroyForcibly();
              handle.onExit().orTimeout(5, TimeUnit.SECONDS).join();
            });
  }

  @Override
  public void close() {
    closed = true;
    if (keeper != null) {
      keeper.interrupt();
    }
    Process running = process;
    if (running != null) {
      running.destroy();
      try {
        if (!running.waitFor(3, TimeUnit.SECONDS)) {
          running.destroyForcibly();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        running.destroyForcibly();
      }
    }
  }
}
