package dev.serai.tpm.tss;

import static dev.serai.tpm.tss.TssTpmTest.assertFault;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.testing.SwTpm;
import dev.serai.testing.Tabrmd;
import dev.serai.testing.TtyTpm;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.KeyRef.Attestation;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmException.Fault;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrSelection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real tpm2-abrmd on a D-Bus of its own, and on a machine whose devices are terminals. */
@Tag("slow")
class TabrmdTest {
  private static final PcrSelection PCR_16 = PcrSelection.of(TpmHash.SHA256, 16);
  private static final Bytes NONCE = Bytes.ofHex("a5".repeat(32));

  @TempDir Path root;
  private final SwTpm software = SwTpm.provisioned();
  private final Tabrmd tabrmd = new Tabrmd();
  private TtyTpm raw;
  private TtyTpm managed;
  private Tpm tpm;
  private TpmOptions options;

  @BeforeEach
  void a_machine() throws Exception {
    Path dev = Files.createDirectories(root.resolve("dev"));
    raw = new TtyTpm(software, dev.resolve("tpm0"));
    managed = new TtyTpm(software, dev.resolve("tpmrm0"));
    options =
        TpmOptions.defaults()
            .withMachine(TpmMachines.real(dev))
            .withManagerPatience(Duration.ofMinutes(10));
  }

  @AfterEach
  void end() {
    if (tpm != null) {
      tpm.close();
    }
    tabrmd.close();
    raw.close();
    managed.close();
    software.close();
  }

  private Tpm.Attested quote() {
    return tpm.quote(Attestation.ECDSA_P256, PCR_16, NONCE);
  }

  private void recovers() {
    await().atMost(Duration.ofSeconds(60)).ignoreExceptions().until(() -> quote() != null);
  }

  @Test
  void a_running_tabrmd_is_chosen_and_quotes_and_is_waited_for_when_it_ends() {
    tabrmd.start("device:" + raw.node());
    tpm = TssTpm.open(options);
    assertThat(quote()).isNotNull();
    KeyRef.App app = tpm.createAppKey(Tpm.AppKeyType.ECC_P256);
    tpm.certify(app, Attestation.ECDSA_P256, NONCE);
    assertThat(tpm.properties().tcti()).contains("tabrmd:", "tpm2-abrmd (pid " + tabrmd.pid());

    TpmDoctor.Report report = TpmDoctor.examine(options);
    assertThat(report.healthy()).isTrue();
    assertThat(report.choice().orElseThrow().tcti()).isEqualTo("tabrmd:");
    assertThat(report.resourceManagers())
        .containsExactly(new TpmMachine.RunningProcess(tabrmd.pid(), "tpm2-abrmd"));
    assertThat(report.devices().get(0).holders().visible())
        .contains(report.resourceManagers().get(0));

    tabrmd.kill();
    raw.forgetAnswers();
    assertFault(Fault.NO_MANAGER, this::quote);
    assertFault(Fault.NO_MANAGER, () -> tpm.check());
    tabrmd.start("device:" + raw.node());
    assertThat(quote()).isNotNull();
    tpm.check();
  }

  @Test
  void a_bus_that_goes_away_is_trouble_and_not_the_end_of_this_process() {
    tabrmd.start("device:" + raw.node());
    tpm = TssTpm.open(options.withTcti("tabrmd:bus_type=session"));
    assertThat(quote()).isNotNull();
    tabrmd.killBus();
    tabrmd.kill();
    raw.forgetAnswers();
    assertFault(Fault.NO_MANAGER, this::quote);
    tabrmd.startBus();
    assertFault(Fault.NO_MANAGER, this::quote);
    tabrmd.start("device:" + raw.node());
    recovers();
  }

  @Test
  void a_tabrmd_started_beside_us_makes_us_stand_aside_until_it_ends() {
    tpm = TssTpm.open(options);
    assertThat(tpm.properties().tcti()).contains("device:" + managed.node());
    quote();
    tpm.check();
    tabrmd.start("device:" + raw.node());
    assertFault(Fault.CONFLICT, () -> tpm.check());
    assertFault(Fault.CONFLICT, this::quote);
    assertThat(TpmMachine.local().holders(managed.terminal()).visible())
        .as("only the terminal's own end is open")
        .hasSizeLessThanOrEqualTo(1);

    TpmDoctor.Report report = TpmDoctor.examine(options.withTcti("device:" + managed.node()));
    assertThat(report.healthy()).isFalse();
    assertThat(report.findings().get(0).fault()).isEqualTo(Fault.CONFLICT);
    assertThat(report.findings().get(0).remedy()).startsWith("kill " + tabrmd.pid());
    assertThat(report.findings().get(0).evidence())
        .containsEntry("manager", "tpm2-abrmd (pid %d)".formatted(tabrmd.pid()));

    tabrmd.kill();
    raw.forgetAnswers();
    recovers();
    tpm.check();
  }

  @Test
  void a_tabrmd_that_stays_away_is_forgotten() {
    tabrmd.start("device:" + raw.node());
    tpm = TssTpm.open(options.withManagerPatience(Duration.ZERO));
    quote();
    tabrmd.kill();
    raw.forgetAnswers();
    recovers();
    assertThat(tpm.properties().tcti()).contains("device:" + managed.node());
  }

  @Test
  void a_tabrmd_that_is_stopped_is_a_wedged_tpm_with_its_pid() {
    tabrmd.start(software.tcti());
    TpmOptions hasty =
        options.withTcti("tabrmd:").withDeadlines(Duration.ofSeconds(1), Duration.ofSeconds(2));
    tpm = TssTpm.open(hasty);
    quote();
    tabrmd.signal("STOP");
    assertFault(Fault.WEDGED, () -> tpm.check());
    TpmDoctor.Report report = TpmDoctor.examine(hasty);
    assertThat(report.findings().get(0).fault()).isEqualTo(Fault.WEDGED);
    assertThat(report.findings().get(0).what())
        .contains("tpm2-abrmd (pid %d) is stopped".formatted(tabrmd.pid()));
    assertThat(report.findings().get(0).remedy()).isEqualTo("kill -CONT " + tabrmd.pid());
    tabrmd.signal("CONT");
    recovers();
  }

  @Test
  void a_bus_that_is_no_bus_is_an_error_in_time() throws Exception {
    assertThat(MessageBus.ownerOf("system", TpmMachine.TABRMD_NAME)).isEmpty();
    assertThat(MessageBus.ownerOf("system", "org.freedesktop.DBus")).isPresent();
    tabrmd.killBus();
    org.assertj.core.api.Assertions.assertThatThrownBy(
            () -> MessageBus.ownerOf("system", TpmMachine.TABRMD_NAME))
        .isInstanceOf(java.io.IOException.class)
        .hasMessageContaining("the system D-Bus at unix:path=/tmp/tabrmd");
  }
}
