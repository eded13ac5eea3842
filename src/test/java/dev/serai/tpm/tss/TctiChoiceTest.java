package dev.serai.tpm.tss;

import static dev.serai.tpm.tss.TssTpmTest.assertFault;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.serai.testing.SwTpm;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The choice of a TPM on machines that are made of files; devices are tried by an injected probe.
 */
class TctiChoiceTest {
  @TempDir Path root;
  private TpmMachine machine;

  @BeforeEach
  void an_empty_machine() throws IOException {
    machine = machine(Map.of());
    Files.createDirectories(machine.dev());
    Files.createDirectories(machine.proc().resolve("self"));
    Files.createDirectories(machine.sys());
  }

  private TpmMachine machine(Map<String, Integer> errnos) {
    return new TpmMachine(
        root.resolve("dev"),
        root.resolve("proc"),
        root.resolve("sys"),
        device -> errnos.getOrDefault(device.getFileName().toString(), 0));
  }

  private void device(String name) throws IOException {
    Files.createFile(machine.dev().resolve(name));
  }

  private void process(int pid, String name, String... open) throws IOException {
    Path process = Files.createDirectories(machine.proc().resolve(Integer.toString(pid)));
    Files.writeString(process.resolve("comm"), name + "\n");
    Path descriptors = Files.createDirectories(process.resolve("fd"));
    for (int i = 0; i < open.length; i++) {
      Files.createSymbolicLink(
          descriptors.resolve(Integer.toString(i)), machine.dev().resolve(open[i]));
    }
  }

  private TctiChoice choose() {
    return TctiChoice.choose(Optional.empty(), false, machine);
  }

  private TctiChoice choose(String configured, boolean allowSoftware) {
    return TctiChoice.choose(Optional.of(configured), allowSoftware, machine);
  }

  @Test
  void the_kernel_resource_manager_is_the_default_and_says_why() throws IOException {
    device("tpm0");
    device("tpmrm0");
    TctiChoice choice = choose();
    assertThat(choice.tcti()).isEqualTo("device:" + machine.dev().resolve("tpmrm0"));
    assertThat(choice.kind()).isEqualTo(TctiKind.KERNEL_RESOURCE_MANAGER);
    assertThat(choice.explanation()).contains("no tpm2-abrmd runs");
  }

  @Test
  void a_running_tabrmd_is_used_with_its_name_and_pid() throws IOException {
    device("tpm0");
    device("tpmrm0");
    process(273, "tpm2-abrmd", "tpm0");
    TctiChoice choice = choose();
    assertThat(choice.tcti()).isEqualTo("tabrmd:");
    assertThat(choice.explanation()).contains("tpm2-abrmd (pid 273)");
  }

  @Test
  void without_a_device_nothing_is_chosen_and_a_software_tpm_never_is() {
    assertFault(Fault.NO_DEVICE, this::choose);
  }

  @Test
  void the_raw_device_is_never_chosen() throws IOException {
    device("tpm0");
    assertThatThrownBy(this::choose)
        .isInstanceOfSatisfying(
            TpmException.class, e -> assertThat(e.fault()).isEqualTo(Fault.NO_DEVICE))
        .hasMessageContaining("no resource manager");
    Path tpm = Files.createDirectories(machine.sys().resolve("class/tpm/tpm0"));
    Files.writeString(tpm.resolve("tpm_version_major"), "1\n");
    assertThatThrownBy(this::choose).hasMessageContaining("TPM 1.2");
  }

  @ParameterizedTest
  @CsvSource({
    "13, NO_PERMISSION, permission denied",
    "16, BUSY, held by another process",
    "6, NO_DEVICE, no TPM behind it",
    "5, UNAVAILABLE, errno 5"
  })
  void a_device_that_does_not_open_is_explained(int errno, Fault fault, String words)
      throws IOException {
    device("tpmrm0");
    machine = machine(Map.of("tpmrm0", errno));
    assertThatThrownBy(this::choose)
        .isInstanceOfSatisfying(TpmException.class, e -> assertThat(e.fault()).isEqualTo(fault))
        .hasMessageContaining(words);
  }

  @Test
  void the_holder_of_the_raw_device_is_named() throws IOException {
    device("tpm0");
    process(273, "tpm2-abrmd", "tpm0");
    process(300, "sshd", "null");
    machine = machine(Map.of("tpm0", Libc.EBUSY));
    String configured = "device:" + machine.dev().resolve("tpm0");
    assertThatThrownBy(() -> choose(configured, false))
        .isInstanceOfSatisfying(
            TpmException.class, e -> assertThat(e.fault()).isEqualTo(Fault.BUSY))
        .hasMessageContaining("held by tpm2-abrmd (pid 273). Use serai.tpm.tcti=tabrmd:");
  }

  @Test
  void a_configured_one_has_no_fallback() throws IOException {
    device("tpmrm0");
    machine = machine(Map.of("tpm0", Libc.ENOENT));
    assertFault(Fault.NO_DEVICE, () -> choose("device:" + machine.dev().resolve("tpm0"), false));
    assertThat(choose("tabrmd:bus_type=session", false).kind()).isEqualTo(TctiKind.TABRMD);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cmd:sh -c 'touch /tmp/x'",
        "pcap:device:/dev/tpmrm0",
        "libtss2-tcti-device.so.0",
        "/usr/lib/libtss2-tcti-device.so.0:/dev/tpmrm0",
        "device",
        "device:",
        "device:/etc/passwd",
        "device:/dev/../etc/passwd",
        "device:/dev/shm/tpm0",
        "swtpm:host=192.0.2.1,port=2321",
        "swtpm:path=relative",
        "swtpm:path=/a,host=192.0.2.1",
        "mssim:host=example.org,port=2321",
        "tabrmd:bus_type=session;x",
        "device:/dev/tpm\0rm0",
        "swtpm:path=/run/tpm\0/sock",
        "none"
      })
  void what_is_not_on_the_list_is_refused(String tcti) {
    assertFault(Fault.BAD_TCTI, () -> choose(tcti, true));
  }

  @Test
  void a_software_tpm_needs_permission_and_loopback_or_a_socket() {
    assertFault(Fault.BAD_TCTI, () -> choose("swtpm:path=/run/x/s", false));
    assertThat(choose("swtpm:path=/run/x/s", true).kind()).isEqualTo(TctiKind.SWTPM);
    assertThat(choose("swtpm:host=127.0.0.1,port=2321", true).kind()).isEqualTo(TctiKind.SWTPM);
    assertThat(choose("mssim:host=localhost,port=2321", true).kind()).isEqualTo(TctiKind.MSSIM);
  }

  @Test
  void a_probe_of_the_operating_system_tells_a_missing_from_a_forbidden_and_a_wrong_device()
      throws IOException {
    assertThat(TpmMachine.LINUX.errno(root.resolve("nothing"))).isEqualTo(Libc.ENOENT);
    try (SwTpm software = SwTpm.blank()) {
      assertThat(TpmMachine.LINUX.errno(software.socket())).isEqualTo(Libc.ENXIO);
    }
    assertThat(TpmMachine.LINUX.errno(Path.of("/dev/null"))).isZero();
  }

  @Test
  void the_doctor_says_who_holds_the_device_and_what_to_do() throws IOException {
    device("tpm0");
    device("tpmrm0");
    process(273, "tpm2-abrmd", "tpm0");
    process(411, "ima-agent", "tpmrm0");
    process(512, "greedy", "tpm0");
    machine = machine(Map.of("tpm0", Libc.EBUSY));
    TpmDoctor.Report report =
        TpmDoctor.examine(
            TpmOptions.defaults()
                .withMachine(machine)
                .withTcti("device:" + machine.dev().resolve("tpm0")));
    assertThat(report.healthy()).isFalse();
    assertThat(report.devices().get(0).holders().visible())
        .extracting(Object::toString)
        .containsExactlyInAnyOrder("tpm2-abrmd (pid 273)", "greedy (pid 512)");
    assertThat(report.devices().get(0).errno()).isEqualTo(Libc.EBUSY);
    assertThat(report.resourceManagers()).hasSize(1);
    assertThat(report.findings())
        .extracting(TpmDoctor.Finding::severity, TpmDoctor.Finding::fault)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple(TpmDoctor.Severity.ERROR, Fault.BUSY),
            org.assertj.core.groups.Tuple.tuple(TpmDoctor.Severity.WARNING, Fault.BUSY),
            org.assertj.core.groups.Tuple.tuple(TpmDoctor.Severity.WARNING, Fault.BUSY));
    assertThat(report.libraries())
        .filteredOn(library -> library.soname().equals("libtss2-esys.so.0"))
        .singleElement()
        .satisfies(library -> assertThat(library.path()).startsWith("/"));
  }

  @Test
  void the_doctor_reaches_a_software_tpm_and_warns_of_it() {
    try (SwTpm software = SwTpm.blank()) {
      TpmDoctor.Report report =
          TpmDoctor.examine(
              TpmOptions.defaults().withTcti(software.tcti()).withAllowSoftware(true));
      assertThat(report.healthy()).isTrue();
      assertThat(report.tpm()).isPresent();
      assertThat(report.findings()).extracting(TpmDoctor.Finding::fault).contains(Fault.NO_DEVICE);
    }
  }

  @Test
  void a_missing_library_names_its_package() {
    assertThatThrownBy(() -> Libraries.open("libtss2-nothing.so.0", "libtss2-nothing0"))
        .isInstanceOfSatisfying(
            TpmException.class, e -> assertThat(e.fault()).isEqualTo(Fault.NO_LIBRARY))
        .hasMessageContaining("libtss2-nothing.so.0 is missing")
        .hasMessageContaining("Install libtss2-nothing0");
  }

  @Test
  void a_name_alone_does_not_make_a_process_tabrmd() throws IOException {
    device("tpmrm0");
    process(666, "tpm2-abrmd");
    Path process = machine.proc().resolve("666");
    assumeTrue(mayGiveAway(process), "only root can give a file to another user");
    assertThat(choose().kind()).isEqualTo(TctiKind.KERNEL_RESOURCE_MANAGER);
  }

  private static boolean mayGiveAway(Path file) {
    try {
      Files.setAttribute(file, "unix:uid", 54321);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void what_an_unprivileged_user_may_not_open_is_a_permission_fault() throws IOException {
    device("tpmrm0");
    Path device = machine.resourceManager();
    Files.setPosixFilePermissions(device, java.util.Set.of());
    machine = new TpmMachine(machine.dev(), machine.proc(), machine.sys(), TpmMachine.LINUX);
    assumeTrue(TpmMachine.LINUX.errno(device) != 0, "root opens everything");
    assertThatThrownBy(this::choose)
        .isInstanceOfSatisfying(
            TpmException.class, e -> assertThat(e.fault()).isEqualTo(Fault.NO_PERMISSION))
        .hasMessageContaining("permission denied");
  }
}
