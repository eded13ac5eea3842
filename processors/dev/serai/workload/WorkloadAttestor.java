package dev.serai.workload;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.rpc.ProcessStart;
import dev.serai.rpc.RpcPeer.LocalPeer;
import dev.serai.spiffe.Selector;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says what the kernel knows of a process: its selectors of type {@code unix}.
 *
 * <p>A pid can be given to another process while we look, so the start time noted when the
 * connection was accepted must be the one we see before and after, and user and group must still be
 * those that connected. What cannot be read (path and sha256 of another user's process, when the
 * agent does not run as root) is left out; entries that ask for it then match nobody.
 */
public final class WorkloadAttestor {
  private static final Logger LOG = LoggerFactory.getLogger(WorkloadAttestor.class);
  private static final String TYPE = "unix";

  /** Second of "real effective saved filesystem", proc(5). */
  private static final int EFFECTIVE = 1;

  private final AccountNames users;
  private final AccountNames groups;
  private final ExecutableDigests digests;

  /**
   * @param maxExecutableBytes executables above this get no sha256 selector
   */
  public WorkloadAttestor(long maxExecutableBytes) {
    this(Path.of("/etc/passwd"), Path.of("/etc/group"), maxExecutableBytes);
  }

  WorkloadAttestor(Path passwd, Path group, long maxExecutableBytes) {
    this.users = new AccountNames(passwd);
    this.groups = new AccountNames(group);
    this.digests = new ExecutableDigests(maxExecutableBytes);
  }

  /** The caller's selectors. @throws RefusalException WORKLOAD_NOT_ATTESTED */
  public Set<Selector> attest(LocalPeer peer) {
    if (peer.pid() <= 0) {
      throw refused("it lives in another PID namespace");
    }
    if (peer.startTime() < 0) {
      throw refused("process %d ended while it connected".formatted(peer.pid()));
    }
    Path proc = Path.of("/proc", Integer.toString(peer.pid()));
    requireSameProcess(peer);
    Set<Selector> found = new HashSet<>();
    try {
      Accounts accounts = accounts(proc, peer);
      add(found, "uid", Integer.toString(peer.uid()));
      users.nameOf(peer.uid()).ifPresent(name -> add(found, "user", name));
      add(found, "gid", Integer.toString(peer.gid()));
      groups.nameOf(peer.gid()).ifPresent(name -> add(found, "group", name));
      for (int gid : accounts.supplementary()) {
        add(found, "supplementary_gid", Integer.toString(gid));
        groups.nameOf(gid).ifPresent(name -> add(found, "supplementary_group", name));
      }
      addExecutable(found, proc);
      accounts(proc, peer);
    } catch (IOException e) {
      throw refused(
          "process %d cannot be read: it ended, or /proc is hidden".formatted(peer.pid()));
    }
    requireSameProcess(peer);
    return Set.copyOf(found);
  }

  private static void requireSameProcess(LocalPeer peer) {
    long now = ProcessStart.read(peer.pid()).orElse(-1);
    if (now != peer.startTime()) {
      throw refused("process %d is not the one that connected".formatted(peer.pid()));
    }
  }

  /** Effective user and group, and the groups beside it; -1 for what is not there. */
  record Accounts(int uid, int gid, List<Integer> supplementary) {}

  /** Reads the process's accounts; refuses when they are no longer those that connected. */
  private static Accounts accounts(Path proc, LocalPeer peer) throws IOException {
    Accounts accounts =
        accounts(
            new String(Files.readAllBytes(proc.resolve("status")), StandardCharsets.ISO_8859_1));
    if (accounts.uid() != peer.uid() || accounts.gid() != peer.gid()) {
      throw refused("process %d changed its user since it connected".formatted(peer.pid()));
    }
    return accounts;
  }

  /** From /proc/pid/status. */
  static Accounts accounts(String status) throws IOException {
    List<Integer> supplementary = new ArrayList<>();
    int uid = -1;
    int gid = -1;
    for (String line : status.split("\n")) {
      if (line.startsWith("Uid:")) {
        uid = effective(line);
      } else if (line.startsWith("Gid:")) {
        gid = effective(line);
      } else if (line.startsWith("Groups:")) {
        supplementary.addAll(numbers(line));
      }
    }
    return new Accounts(uid, gid, List.copyOf(supplementary));
  }

  private static int effective(String line) throws IOException {
    List<Integer> numbers = numbers(line);
    if (numbers.size() <= EFFECTIVE) {
      throw new IOException("no effective id in " + line);
    }
    return numbers.get(EFFECTIVE);
  }

  private static List<Integer> numbers(String line) throws IOException {
    List<Integer> numbers = new ArrayList<>();
    for (String word : line.substring(line.indexOf(':') + 1).trim().split("\\s+")) {
      if (!word.isEmpty()) {
        try {
          numbers.add(Integer.parseUnsignedInt(word));
        } catch (NumberFormatException e) {
          throw new IOException("not a number in " + line, e);
        }
      }
    }
    return numbers;
  }

  private void addExecutable(Set<Selector> found, Path proc) {
    Path link = proc.resolve("exe");
    try {
      String path = Files.readSymbolicLink(link).toString();
      Optional<String> digest = digests.of(link);
      if (!Files.readSymbolicLink(link).toString().equals(path)) {
        throw refused("process %s started another program meanwhile".formatted(proc.getFileName()));
      }
      add(found, "path", path);
      digest.ifPresent(hex -> add(found, "sha256", hex));
    } catch (IOException e) {
      LOG.debug("no path and sha256 of {}: {}", proc, e.toString());
    }
  }

  private static void add(Set<Selector> found, String name, String value) {
    found.add(new Selector(TYPE, name + ":" + value));
  }

  private static RefusalException refused(String why) {
    return new RefusalException(ReasonCode.WORKLOAD_NOT_ATTESTED, why);
  }
}
