package dev.serai.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.rpc.ProcessStart;
import dev.serai.rpc.RpcPeer.LocalPeer;
import dev.serai.spiffe.Selector;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkloadAttestorTest {
  private final WorkloadAttestor attestor = new WorkloadAttestor(1 << 30);

  private static LocalPeer self() throws Exception {
    int pid = (int) ProcessHandle.current().pid();
    return new LocalPeer(
        pid,
        (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid"),
        (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:gid"),
        ProcessStart.read(pid).orElseThrow());
  }

  private static Set<String> texts(Set<Selector> selectors) {
    return selectors.stream().map(Selector::toString).collect(Collectors.toSet());
  }

  private void assertRefused(LocalPeer peer, String why) {
    RefusalException refusal =
        catchThrowableOfType(RefusalException.class, () -> attestor.attest(peer));
    assertThat(refusal.reason().code()).isEqualTo(ReasonCode.WORKLOAD_NOT_ATTESTED);
    assertThat(refusal.reason().detail()).contains(why);
  }

  @Test
  void selectors_say_user_group_path_and_digest() throws Exception {
    Path exe = Path.of("/proc/self/exe").toRealPath();
    String digest =
        HexFormat.of()
            .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(exe)));

    assertThat(texts(attestor.attest(self())))
        .contains(
            "unix:uid:" + self().uid(),
            "unix:gid:" + self().gid(),
            "unix:user:" + Files.getOwner(Path.of("/proc/self")).getName(),
            "unix:path:" + exe,
            "unix:sha256:" + digest)
        .anyMatch(s -> s.startsWith("unix:group:"));
  }

  @Test
  void a_process_that_ended_is_refused() throws Exception {
    Process child = new ProcessBuilder("cat").start();
    int pid = (int) child.pid();
    LocalPeer peer =
        new LocalPeer(pid, self().uid(), self().gid(), ProcessStart.read(pid).orElseThrow());
    attestor.attest(peer);

    child.destroyForcibly().waitFor();

    assertRefused(peer, "is not the one that connected");
  }

  @Test
  void another_process_under_the_same_pid_is_refused() throws Exception {
    LocalPeer self = self();
    assertRefused(
        new LocalPeer(self.pid(), self.uid(), self.gid(), self.startTime() - 1),
        "is not the one that connected");
  }

  @Test
  void a_process_that_changed_its_user_is_refused() throws Exception {
    LocalPeer self = self();
    assertRefused(
        new LocalPeer(self.pid(), self.uid() + 1, self.gid(), self.startTime()),
        "changed its user");
    assertRefused(
        new LocalPeer(self.pid(), self.uid(), self.gid() + 1, self.startTime()),
        "changed its user");
  }

  @Test
  void a_process_of_another_pid_namespace_is_refused() throws Exception {
    assertRefused(new LocalPeer(0, self().uid(), self().gid(), 1), "another PID namespace");
    assertRefused(
        new LocalPeer(self().pid(), self().uid(), self().gid()), "ended while it connected");
  }

  @Test
  void an_executable_over_the_limit_has_no_digest() throws Exception {
    Set<String> found = texts(new WorkloadAttestor(10).attest(self()));

    assertThat(found).noneMatch(s -> s.startsWith("unix:sha256:"));
    assertThat(found).anyMatch(s -> s.startsWith("unix:path:"));
  }

  @Test
  void a_changed_file_has_another_digest(@TempDir Path directory) throws Exception {
    ExecutableDigests digests = new ExecutableDigests(1000);
    Path file = directory.resolve("program");
    Files.writeString(file, "one");
    String before = digests.of(file).orElseThrow();
    var time = Files.getLastModifiedTime(file);
    assertThat(digests.of(file)).hasValue(before);

    Files.writeString(file, "two");
    Files.setLastModifiedTime(file, time);

    assertThat(digests.of(file).orElseThrow()).isNotEqualTo(before);
  }

  @Test
  void names_follow_the_files_of_the_system(@TempDir Path directory) throws Exception {
    Path passwd = directory.resolve("passwd");
    Files.writeString(
        passwd, "root:x:0:0::/:/bin/sh\nbad\n:x:7:\nweb:x:33:33::/:\nweb2:x:33:3::/:\n");
    AccountNames names = new AccountNames(passwd);
    assertThat(names.nameOf(0)).hasValue("root");
    assertThat(names.nameOf(33)).hasValue("web");
    assertThat(names.nameOf(7)).isEmpty();
    assertThat(names.nameOf(99)).isEmpty();

    Files.writeString(passwd, "root:x:0:0::/:/bin/sh\nnew:x:99:99::/:\n");

    assertThat(names.nameOf(99)).hasValue("new");
    assertThat(new AccountNames(directory.resolve("none")).nameOf(0)).isEmpty();
  }

  @Test
  void a_status_without_ids_is_unreadable_and_not_a_fault() {
    for (String status : new String[] {"Uid:\t1000\n", "Uid:\tx\ty\n", "Groups:\t99999999999\n"}) {
      assertThatThrownBy(() -> WorkloadAttestor.accounts(status))
          .isInstanceOf(java.io.IOException.class);
    }
  }
}
