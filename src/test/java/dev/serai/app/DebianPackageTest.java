package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The package that {@code mvn package} makes, installed with dpkg and removed again on this system:
 * in a mount namespace of its own, over whose root lies a layer that is thrown away, so nothing of
 * it stays.
 */
@Tag("slow")
class DebianPackageTest {
  private static final Path PACKAGE = Path.of("target/serai.deb").toAbsolutePath();

  @TempDir Path dir;

  @BeforeAll
  static void packaged() {
    assertThat(PACKAGE).as("mvn package makes it").exists();
    assumeTrue(
        Files.isExecutable(Path.of("/usr/bin/dpkg")), "the package is for Debian and its kin");
  }

  private record Ran(int code, String text) {}

  private static Ran run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!process.waitFor(5, TimeUnit.MINUTES)) {
      process.destroyForcibly();
      throw new AssertionError("did not end: " + String.join(" ", command));
    }
    return new Ran(process.exitValue(), text);
  }

  /** Runs a script as root of a system like this one that nobody will miss. */
  private Ran inThrowAwaySystem(String script) throws IOException, InterruptedException {
    Files.writeString(dir.resolve("script"), "set -eu\n" + script);
    String mount =
        """
        set -eu
        mount -t tmpfs none %1$s/layer
        mkdir %1$s/layer/upper %1$s/layer/work %1$s/layer/root
        mount -t overlay none -o lowerdir=/,upperdir=%1$s/layer/upper,workdir=%1$s/layer/work \
            %1$s/layer/root
        mount -t proc none %1$s/layer/root/proc
        mount --rbind /dev %1$s/layer/root/dev
        mount -t tmpfs none %1$s/layer/root/tmp
        mount -t tmpfs none %1$s/layer/root/run
        cp %1$s/script %2$s %1$s/layer/root/tmp/
        exec chroot %1$s/layer/root /bin/bash /tmp/script
        """
            .formatted(dir, PACKAGE);
    Files.createDirectories(dir.resolve("layer"));
    Path outer = Files.writeString(dir.resolve("outer"), mount);
    return run("unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", outer.toString());
  }

  @Test
  void installs_says_what_is_to_be_done_and_leaves_nothing_behind_when_purged() throws Exception {
    assumeTrue(
        run("unshare", "--mount", "mount", "-t", "tmpfs", "none", dir.toString()).code() == 0,
        "needs root and mount namespaces");
    Ran ran =
        inThrowAwaySystem(
            """
            # What it depends on is another test; here a JDK of another origin will do as well.
            dpkg --force-depends -i /tmp/serai.deb
            echo == installed
            getent passwd serai
            stat -c '%A %U %n' /usr/bin/serai /usr/share/serai/serai /var/cache/serai/serai.jsa
            command -v serai
            serai --version
            serai setup && exit 9 || echo "setup ended with $?"
            sed -i 's/^serai.trust-domain=.*/serai.trust-domain=package.test/' \
                /etc/serai/serai.properties
            # A port of nobody: the network is this machine's, and a demo may run on the usual one.
            echo serai.management.port=PORT >>/etc/serai/serai.properties
            echo == health
            serai health && exit 9 || echo "health ended with $?"
            echo == demo
            serai demo --once --out /tmp/out && exit 9 || echo "demo ended with $?"
            echo == again
            dpkg --force-depends -i /tmp/serai.deb
            grep trust-domain=package.test /etc/serai/serai.properties
            mkdir -p /var/lib/serai/x
            echo == removed
            dpkg --remove serai
            test -d /var/lib/serai/x
            dpkg --purge serai
            for left in /usr/share/serai /usr/bin/serai /var/lib/serai /var/cache/serai /etc/serai; do
              test ! -e $left || { echo "left: $left"; exit 9; }
            done
            getent passwd serai && exit 9
            echo == gone
            """
                .replace("PORT", Integer.toString(FreePorts.next())));
    assertThat(ran.code()).as(ran.text()).isZero();
    assertThat(ran.text())
        .contains("systemctl enable --now serai")
        .contains("setup ended with 2")
        .contains("health ended with 1")
        .contains("serai: DEMO_OPERATOR_UNAVAILABLE: there is no /usr/share/serai/")
        .contains("run ./serai demo in the source tree")
        .contains("demo ended with 1")
        .contains("-r--r--r-- root /var/cache/serai/serai.jsa")
        .endsWith("== gone\n");
  }

  @Test
  void nothing_fake_is_in_it() throws Exception {
    assertThat(run("dpkg-deb", "-c", PACKAGE.toString()).text())
        .contains("/usr/share/serai/serai.jar")
        .doesNotContainIgnoringCase("fake");
  }

  @Test
  void every_library_it_depends_on_is_known_by_its_name_of_this_distribution() throws Exception {
    String depends = run("dpkg-deb", "-f", PACKAGE.toString(), "Depends").text();
    for (String alternatives : depends.strip().split(",\\s*")) {
      boolean known = false;
      for (String one : alternatives.split("\\s*\\|\\s*")) {
        known |= run("dpkg-query", "-W", one.replaceAll("\\s*\\(.*\\)", "")).code() == 0;
      }
      boolean java = alternatives.contains("java"); // may have come another way
      assertThat(known || java).as(alternatives).isTrue();
    }
  }

  @Test
  void the_units_are_well_formed_and_sandboxed() throws Exception {
    List<Path> units;
    try (Stream<Path> files = Files.list(Path.of("config/systemd"))) {
      units = files.sorted().toList();
    }
    assertThat(units).hasSize(7);
    for (Path unit : units) {
      assertThat(Files.readString(unit))
          .as(unit.toString())
          .contains("Type=notify", "WatchdogSec=", "Restart=always", "NoNewPrivileges=yes")
          .contains("ProtectSystem=strict", "StateDirectory=", "RuntimeDirectory=");
    }
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/systemd-analyze")), "needs systemd-analyze");
    for (Path unit : units) {
      // The binary is where the package puts it, not where this test runs.
      String here = Files.readString(unit).replace("/usr/bin/serai ", "/bin/true ");
      Path copy = Files.writeString(dir.resolve(unit.getFileName()), here);
      Ran verified = run("systemd-analyze", "verify", "--man=no", copy.toString());
      assertThat(verified.text()).as(unit.toString()).doesNotContain(copy.getFileName().toString());
    }
  }
}
