package dev.serai.tpm.tss;

import static dev.serai.tpm.tss.TssTpmTest.assertFault;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.serai.testing.AsNobody;
import dev.serai.testing.SwTpm;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
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

  /** "bus name" to the process that owns it. */
  private final Map<String, Long> owners = new HashMap<>();

  private void tabrmd(long pid) throws IOException {
    process((int) pid, "tpm2-abrmd", "tpm0");
    owners.put("system com.intel.tss2.Tabrmd", pid);
  }

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
        device -> errnos.getOrDefault(device.getFileName().toString(), 0),
        (bus, name) -> Optional.ofNullable(owners.get(bus + " " + name)));
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
    tabrmd(273);
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
        .hasMessageContaining("tpm0 is held by tpm2-abrmd (pid 273)")
        .satisfies(e -> assertThat(remedy(e)).startsWith("kill 273, or use it: serai.tpm.tcti"));
    Files.writeString(
        machine.proc().resolve("273/cgroup"), "0::/system.slice/tpm2-abrmd.service\n");
    assertThatThrownBy(() -> choose(configured, false))
        .satisfies(e -> assertThat(remedy(e)).startsWith("systemctl stop tpm2-abrmd.service"));
  }

  private static String remedy(Throwable e) {
    return ((TpmException) e).remedy().orElseThrow();
  }

  private TctiChoice chooseAfter(TctiKind before) {
    return TctiChoice.choose(Optional.empty(), false, machine, Optional.of(before));
  }

  @Test
  void two_resource_managers_are_a_conflict_however_the_way_was_chosen() throws IOException {
    device("tpm0");
    device("tpmrm0");
    tabrmd(273);
    String configured = "device:" + machine.resourceManager();
    for (org.assertj.core.api.ThrowableAssert.ThrowingCallable way :
        List.<org.assertj.core.api.ThrowableAssert.ThrowingCallable>of(
            () -> choose(configured, false), () -> chooseAfter(TctiKind.KERNEL_RESOURCE_MANAGER))) {
      assertThatThrownBy(way)
          .isInstanceOfSatisfying(
              TpmException.class,
              e -> {
                assertThat(e.fault()).isEqualTo(Fault.CONFLICT);
                assertThat(remedy(e)).startsWith("kill 273");
              })
          .hasMessageContaining("tpm2-abrmd (pid 273) runs beside " + machine.resourceManager());
    }
  }

  @Test
  void a_tabrmd_on_another_tpm_is_no_rival() throws IOException {
    device("tpm0");
    device("tpmrm0");
    process(273, "tpm2-abrmd", "tpmrm0");
    assertThat(choose().kind()).isEqualTo(TctiKind.KERNEL_RESOURCE_MANAGER);
  }

  @Test
  void a_manager_that_was_used_and_has_gone_is_waited_for() throws IOException {
    device("tpm0");
    device("tpmrm0");
    assertThatThrownBy(() -> chooseAfter(TctiKind.TABRMD))
        .isInstanceOfSatisfying(
            TpmException.class,
            e -> {
              assertThat(e.fault()).isEqualTo(Fault.NO_MANAGER);
              assertThat(remedy(e)).isEqualTo("systemctl start tpm2-abrmd.service");
            });
    Attachment attachment = new Attachment(Duration.ofSeconds(60));
    attachment.opened(TctiKind.TABRMD);
    TpmException gone = TpmException.mendable(Fault.NO_MANAGER, "gone", "start it");
    attachment.failed(gone, 0);
    attachment.failed(gone, Duration.ofSeconds(59).toNanos());
    assertThat(attachment.kind()).contains(TctiKind.TABRMD);
    attachment.failed(gone, Duration.ofSeconds(60).toNanos());
    assertThat(attachment.kind()).isEmpty();
  }

  @Test
  void a_tabrmd_that_nobody_answers_for_is_never_connected_to() {
    assertFault(Fault.NO_MANAGER, () -> choose("tabrmd:", false));
    owners.put("session com.intel.tss2.Tabrmd", 5L);
    assertFault(Fault.NO_MANAGER, () -> choose("tabrmd:", false));
    owners.put("system org.example.Tpm", 6L);
    assertThat(choose("tabrmd:bus_name=org.example.Tpm", false).kind()).isEqualTo(TctiKind.TABRMD);
  }

  @Test
  void a_lost_call_of_this_process_is_no_other_holder() throws IOException {
    device("tpm0");
    process((int) ProcessHandle.current().pid(), "java", "tpm0");
    machine = machine(Map.of("tpm0", Libc.EBUSY));
    assertFault(Fault.WEDGED, () -> choose("device:" + machine.rawDevice(), false));
  }

  @Test
  void a_configured_one_has_no_fallback() throws IOException {
    device("tpmrm0");
    machine = machine(Map.of("tpm0", Libc.ENOENT));
    assertFault(Fault.NO_DEVICE, () -> choose("device:" + machine.dev().resolve("tpm0"), false));
    owners.put("session com.intel.tss2.Tabrmd", 273L);
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
            org.assertj.core.groups.Tuple.tuple(TpmDoctor.Severity.ERROR, Fault.CONFLICT));
    assertThat(report.findings().get(0).remedy()).startsWith("kill 273; kill 512");
    assertThat(report.findings().get(1).evidence())
        .containsEntry("manager", "tpm2-abrmd (pid 273)")
        .containsEntry("beside", "ima-agent (pid 411)");
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
      assertThat(report.findings()).extracting(TpmDoctor.Finding::fault).contains(Fault.SOFTWARE);
    }
  }

  @Test
  void a_missing_library_names_its_package() {
    assertThatThrownBy(() -> Libraries.open("libtss2-nothing.so.0"))
        .isInstanceOfSatisfying(
            TpmException.class,
            e -> {
              assertThat(e.fault()).isEqualTo(Fault.NO_LIBRARY);
              assertThat(remedy(e)).contains("libtss2-nothing");
            })
        .hasMessageContaining("libtss2-nothing.so.0 is missing");
  }

  @ParameterizedTest
  @CsvSource({
    "debian, 12, libtss2-tcti-swtpm.so.0, apt-get install libtss2-tcti-swtpm0",
    "debian, 13, libtss2-tcti-swtpm.so.0, apt-get install libtss2-tcti-swtpm0t64",
    "debian, 13, libtss2-mu.so.0, apt-get install libtss2-mu-4.0.1-0t64",
    "debian, 13, libtss2-tcti-tabrmd.so.0, apt-get install libtss2-tcti-tabrmd0",
    "ubuntu, 22.04, libtss2-esys.so.0, apt-get install libtss2-esys-3.0.2-0",
    "ubuntu, 24.04, libtss2-tcti-device.so.0, apt-get install libtss2-tcti-device0t64",
    "fedora, 42, libtss2-tcti-device.so.0, dnf install tpm2-tss",
    "fedora, 42, libtss2-tcti-tabrmd.so.0, dnf install tpm2-abrmd",
    "alpine, 3.22.1, libtss2-tcti-device.so.0, apk add tpm2-tss-tcti-device",
    "other, 1, libtss2-tcti-device.so.0, install tpm2-tss with this system's package manager"
  })
  void the_package_of_a_library_is_named_as_this_distribution_names_it(
      String id, String version, String soname, String command) {
    Map<String, String> release =
        Packages.parse("NAME=x\nID=%s\nVERSION_ID=\"%s\"\n".formatted(id, version));
    assertThat(Packages.install(soname, release)).isEqualTo(command);
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
  void what_an_unprivileged_user_may_not_open_is_a_permission_fault() throws Exception {
    device("tpmrm0");
    Path device = machine.resourceManager();
    Files.setPosixFilePermissions(device, java.util.Set.of());
    Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwxr-xr-x"));
    machine =
        new TpmMachine(
            machine.dev(), machine.proc(), machine.sys(), TpmMachine.LINUX, machine.bus());
    Throwable thrown =
        TpmMachine.LINUX.errno(device) == 0 // root opens everything
            ? AsNobody.call(() -> catchThrowable(this::choose))
            : catchThrowable(this::choose);
    assertThat(thrown)
        .isInstanceOfSatisfying(
            TpmException.class, e -> assertThat(e.fault()).isEqualTo(Fault.NO_PERMISSION))
        .hasMessageContaining("permission denied");
  }
}
