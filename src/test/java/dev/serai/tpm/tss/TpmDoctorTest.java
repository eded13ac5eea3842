package dev.serai.tpm.tss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.testing.AsNobody;
import dev.serai.testing.SwTpm;
import dev.serai.testing.TtyTpm;
import dev.serai.tpm.TpmException.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the doctor finds on a machine with real trouble: devices, users and processes are real. */
class TpmDoctorTest {
  @TempDir Path root;
  private final SwTpm software = SwTpm.provisioned();

  @AfterEach
  void end() {
    software.close();
  }

  private TpmOptions options(String tcti) {
    return TpmOptions.defaults()
        .withTcti(tcti)
        .withAllowSoftware(true)
        .withMachine(TpmMachines.real(root.resolve("dev")));
  }

  private static TpmDoctor.Finding first(TpmDoctor.Report report) {
    return report.findings().get(0);
  }

  @Test
  void a_device_of_a_group_names_the_group_to_join_and_one_of_root_names_the_mode()
      throws Exception {
    try (TtyTpm device = new TtyTpm(software, root.resolve("dev/tpmrm0"))) {
      open(root);
      TpmOptions options = options("device:" + device.node());
      assertThat(TpmDoctor.examine(options).healthy()).isTrue();
      belongsTo(device.terminal(), "daemon", "rw-rw----");
      TpmDoctor.Report report = AsNobody.call(() -> TpmDoctor.examine(options));
      assertThat(report.healthy()).isFalse();
      assertThat(first(report).fault()).isEqualTo(Fault.NO_PERMISSION);
      assertThat(first(report).what()).contains("errno 13", "root:daemon rw-rw----");
      assertThat(first(report).remedy()).startsWith("usermod -aG daemon ");
      assertThat(first(report).evidence()).containsEntry("ownership", "root:daemon rw-rw----");

      belongsTo(device.terminal(), "root", "rw-------");
      assertThat(first(AsNobody.call(() -> TpmDoctor.examine(options))).remedy())
          .startsWith("chgrp tss %s && chmod 0660 %s".formatted(device.node(), device.node()));
    }
  }

  private void open(Path directory) throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx--x--x"));
  }

  private static void belongsTo(Path file, String group, String mode) throws IOException {
    GroupPrincipal owner =
        file.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByGroupName(group);
    PosixFileAttributeView view = Files.getFileAttributeView(file, PosixFileAttributeView.class);
    assumeTrue(System.getProperty("user.name").equals("root"), "only root gives files away");
    view.setGroup(owner);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
  }

  @Test
  void a_busy_device_whose_holder_is_out_of_sight_says_how_to_find_it() throws Exception {
    try (TtyTpm device = new TtyTpm(software, root.resolve("dev/tpm0"))) {
      open(root);
      TpmOptions options = options("device:" + device.node());
      TpmDoctor.examine(options);
      Process holder =
          new ProcessBuilder("bash", "-c", "exec 3<>$0; exec sleep 1000", device.node().toString())
              .start();
      try {
        await()
            .atMost(Duration.ofSeconds(60))
            .until(() -> TpmMachines.holders(options.machine(), device.node()).contains("sleep"));
        belongsTo(device.terminal(), "root", "rw-rw-rw-");
        device.leaveToItsHolder();
        TpmDoctor.Finding seen = first(TpmDoctor.examine(options("device:" + device.node())));
        assertThat(seen.fault()).as("root opens it all the same").isNotEqualTo(Fault.BUSY);
        TpmDoctor.Finding finding = first(AsNobody.call(() -> TpmDoctor.examine(options)));
        assertThat(finding.fault()).as("the kernel said EBUSY").isEqualTo(Fault.BUSY);
        assertThat(finding.what()).contains("held by another process that this user may not see");
        assertThat(finding.remedy()).isEqualTo("sudo fuser -v " + device.node());
      } finally {
        holder.destroyForcibly().waitFor();
      }
    }
  }

  @Test
  void a_silent_tpm_is_found_within_the_bound_with_the_process_that_is_stopped() {
    software.stop();
    TpmDoctor.Report report =
        TpmDoctor.examine(
            options(software.tcti()).withDeadlines(Duration.ofSeconds(1), Duration.ofSeconds(2)));
    assertThat(report.healthy()).isFalse();
    assertThat(first(report).fault()).isEqualTo(Fault.WEDGED);
    assertThat(first(report).what())
        .contains("swtpm (pid %d) is stopped".formatted(software.pid()));
    assertThat(first(report).remedy()).isEqualTo("kill -CONT " + software.pid());
    software.cont();
    assertThat(TpmDoctor.examine(options(software.tcti())).healthy()).isTrue();
  }

  @Test
  void a_lockout_says_how_many_passwords_were_wrong_and_when_it_ends() {
    software.guessPasswords();
    TpmDoctor.Report report = TpmDoctor.examine(options(software.tcti()));
    assertThat(report.healthy()).as("our keys are exempt").isTrue();
    assertThat(report.findings())
        .filteredOn(finding -> finding.fault() == Fault.LOCKOUT)
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.severity()).isEqualTo(TpmDoctor.Severity.WARNING);
              assertThat(finding.evidence())
                  .containsEntry("failures", "3")
                  .containsEntry("most", "3")
                  .containsEntry("healsWithin", "1000 s");
              assertThat(finding.remedy()).contains("tpm2_dictionarylockout --clear-lockout");
            });
    software.tool("tpm2_dictionarylockout", "--clear-lockout");
    assertThat(TpmDoctor.examine(options(software.tcti())).findings())
        .extracting(TpmDoctor.Finding::fault)
        .containsExactly(Fault.SOFTWARE);
  }

  @Test
  @Tag("slow")
  void a_transport_that_does_not_load_names_the_package_of_this_distribution() throws Exception {
    assumeTrue(System.getProperty("user.name").equals("root"), "only root has mounts of its own");
    Path library =
        TpmDoctor.examine(options(software.tcti())).libraries().stream()
            .filter(found -> found.soname().equals("libtss2-tcti-swtpm.so.0"))
            .map(found -> Path.of(found.path()))
            .findFirst()
            .orElseThrow();
    Process child =
        new ProcessBuilder(
                "unshare",
                "-m",
                "bash",
                "-c",
                "mount --bind /dev/null $(readlink -f \"$1\") && exec \"$2\" -cp \"$3\""
                    + " -XX:TieredStopAtLevel=1 dev.serai.app.Main tpm doctor --json --tcti \"$4\"",
                "doctor",
                library.toString(),
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                System.getProperty("java.class.path"),
                software.tcti())
            .redirectError(root.resolve("err").toFile())
            .start();
    JsonNode report = new ObjectMapper().readTree(child.getInputStream());
    assertThat(child.waitFor()).as(Files.readString(root.resolve("err"))).isEqualTo(1);
    assertThat(report.path("healthy").asBoolean()).isFalse();
    JsonNode finding = report.path("findings").get(0);
    assertThat(finding.path("code").asText()).isEqualTo("TPM_NO_LIBRARY");
    assertThat(finding.path("remedy").asText())
        .isEqualTo(Packages.install("libtss2-tcti-swtpm.so.0"));
    assertThat(report.path("summary").asText())
        .startsWith("The TPM cannot be used. TPM_NO_LIBRARY: libtss2-tcti-swtpm.so.0 is missing");
  }
}
