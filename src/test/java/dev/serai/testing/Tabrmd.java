package dev.serai.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.sun.jna.Library;
import com.sun.jna.Native;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.Awaitility;

/**
 * A D-Bus of its own with the real tpm2-abrmd on it. This JVM, and libtss2 in it, take it for the
 * system and the session bus until {@link #close()}.
 */
public final class Tabrmd implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private interface Environment extends Library {
    Environment C = Native.load("c", Environment.class);

    int setenv(String name, String value, int overwrite);

    int unsetenv(String name);
  }

  private final Path directory;
  private final Thread hook = new Thread(this::endBoth, "tabrmd-end");
  private Process bus;
  private Process manager;
  private int restarts;

  /** The bus; nobody is on it yet. */
  public Tabrmd() {
    assertThat(installed("dbus-daemon")).as("dbus-daemon is installed").isTrue();
    boolean abrmd = installed("tpm2-abrmd");
    assumeFalse(
        !abrmd && Files.exists(Path.of("/dev/tpm0")), "setup leaves a TPM in use to its owner");
    assertThat(abrmd).as("tpm2-abrmd is installed").isTrue();
    try {
      directory = Files.createTempDirectory(Path.of("/tmp"), "tabrmd");
      Files.writeString(
          directory.resolve("bus.conf"),
          """
          <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
           "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
          <busconfig>
            <type>custom</type>
            <listen>%s</listen>
            <auth>EXTERNAL</auth>
            <policy context="default">
              <allow user="*"/>
              <allow own="*"/>
              <allow send_destination="*" eavesdrop="true"/>
              <allow receive_sender="*"/>
            </policy>
          </busconfig>
          """
              .formatted(address()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Runtime.getRuntime().addShutdownHook(hook);
    startBus();
    Environment.C.setenv("DBUS_SYSTEM_BUS_ADDRESS", address(), 1);
    Environment.C.setenv("DBUS_SESSION_BUS_ADDRESS", address(), 1);
  }

  private static boolean installed(String program) {
    return Stream.of("/usr/bin", "/usr/sbin", "/sbin", "/bin")
        .anyMatch(dir -> Files.isExecutable(Path.of(dir, program)));
  }

  private String address() {
    return "unix:path=" + directory.resolve("bus");
  }

  public void startBus() {
    bus = run("dbus-daemon", "--nofork", "--config-file=" + directory.resolve("bus.conf"));
    Awaitility.await().atMost(PATIENCE).until(() -> Files.exists(directory.resolve("bus")));
  }

  public void killBus() {
    end(bus);
    try {
      Files.deleteIfExists(directory.resolve("bus"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Starts tpm2-abrmd on this TPM and waits until it answers to its name. It takes out what one
   * that was killed has left. One that ends at once, for it read an answer that was meant for the
   * one before, is started again, as its unit does.
   */
  public void start(String tcti) {
    manager = manage(tcti);
    Awaitility.await()
        .atMost(PATIENCE)
        .until(
            () -> {
              if (!manager.isAlive()) {
                assertThat(++restarts).as("tpm2-abrmd runs, see " + log()).isLessThan(5);
                manager = manage(tcti);
              }
              return named();
            });
  }

  private Process manage(String tcti) {
    return isRoot()
        ? run("tpm2-abrmd", "--session", "--flush-all", "--allow-root", "--tcti=" + tcti)
        : run("tpm2-abrmd", "--session", "--flush-all", "--tcti=" + tcti);
  }

  private static boolean isRoot() {
    return System.getProperty("user.name").equals("root");
  }

  private String log() {
    try {
      return Files.readString(directory.resolve("tpm2-abrmd.log"));
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** Asked by a program of D-Bus, not by the code under test. */
  private boolean named() throws IOException, InterruptedException {
    Process ask =
        new ProcessBuilder(
                "dbus-send",
                "--bus=" + address(),
                "--dest=org.freedesktop.DBus",
                "--print-reply",
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus.NameHasOwner",
                "string:com.intel.tss2.Tabrmd")
            .redirectErrorStream(true)
            .start();
    String said =
        new String(ask.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    ask.waitFor();
    return said.contains("boolean true");
  }

  public long pid() {
    return manager.pid();
  }

  /** STOP, CONT. */
  public void signal(String name) {
    try {
      new ProcessBuilder("kill", "-" + name, Long.toString(pid())).start().waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** SIGKILL. */
  public void kill() {
    end(manager);
  }

  private Process run(String... command) {
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(
                  ProcessBuilder.Redirect.appendTo(
                      directory.resolve(command[0] + ".log").toFile()));
      builder.environment().put("DBUS_SESSION_BUS_ADDRESS", address());
      builder.environment().put("DBUS_SYSTEM_BUS_ADDRESS", address());
      builder.environment().put("PATH", System.getenv("PATH") + ":/usr/sbin:/sbin");
      return builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void end(Process process) {
    if (process == null) {
      return;
    }
    process.destroyForcibly();
    try {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private void endBoth() {
    end(manager);
    end(bus);
  }

  @Override
  public void close() {
    Environment.C.unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
    Environment.C.unsetenv("DBUS_SESSION_BUS_ADDRESS");
    endBoth();
    Runtime.getRuntime().removeShutdownHook(hook);
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
