package dev.serai.tpm.tss;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What the operating system shows of its TPM, read without opening a connection to it. tpm2-abrmd
 * is looked for among the processes and by its name on the D-Bus; it is never sent a message, which
 * would start it.
 *
 * @param dev device nodes, usually /dev
 * @param proc processes, usually /proc
 * @param sys kernel objects, usually /sys
 * @param probe how a device is tried; {@link #LINUX} opens it once and closes it
 * @param bus who owns a name on a D-Bus
 */
public record TpmMachine(Path dev, Path proc, Path sys, DeviceProbe probe, NameOwners bus) {
  private static final String TABRMD = "tpm2-abrmd";
  static final String TABRMD_NAME = "com.intel.tss2.Tabrmd";
  private static final Pattern NODE = Pattern.compile("tpm(rm)?[0-9]{1,3}");

  /** Opens a device once. */
  @FunctionalInterface
  public interface DeviceProbe {
    /** 0 when it opened, else errno. */
    int errno(Path device);
  }

  /** Asks a D-Bus, never the owner of the name. */
  @FunctionalInterface
  public interface NameOwners {
    /**
     * The process that owns a name; empty when nobody does.
     *
     * @param busType system or session
     * @throws IOException when the bus cannot be asked
     */
    Optional<Long> ownerOf(String busType, String name) throws IOException;
  }

  /** open(2) for reading and writing. */
  public static final DeviceProbe LINUX = device -> Libc.probe(device.toString());

  /** This machine. */
  public static TpmMachine local() {
    return new TpmMachine(
        Path.of("/dev"), Path.of("/proc"), Path.of("/sys"), LINUX, MessageBus::ownerOf);
  }

  /** A process, by number and name. */
  public record RunningProcess(long pid, String name) {
    @Override
    public String toString() {
      return name + " (pid " + pid + ")";
    }
  }

  /**
   * Who has a device open.
   *
   * @param visible the processes that could be seen to hold it
   * @param complete false when some processes could not be looked into: only root sees all
   */
  public record Holders(List<RunningProcess> visible, boolean complete) {
    public Holders {
      visible = List.copyOf(visible);
    }
  }

  Path resourceManager() {
    return dev.resolve("tpmrm0");
  }

  Path rawDevice() {
    return dev.resolve("tpm0");
  }

  /** 1 or 2; empty when the kernel does not say. */
  Optional<Integer> tpmVersion() {
    try {
      return Optional.of(
          Integer.valueOf(
              Files.readString(sys.resolve("class/tpm/tpm0/tpm_version_major")).trim()));
    } catch (IOException | NumberFormatException e) {
      return Optional.empty();
    }
  }

  /**
   * tpm2-abrmd, if it runs and has this machine's TPM as far as this user can see. Anyone can give
   * a process that name, so it must own its name on the system bus, or belong to root, to the owner
   * of the device or to the user of this process.
   */
  Optional<RunningProcess> tabrmd() {
    return tabrmds().filter(this::mayHaveRawDevice).findFirst();
  }

  /** A tpm2-abrmd that says it works on this TPM, by the words of its {@code --tcti}. */
  Optional<RunningProcess> tabrmdOn(String tcti) {
    return tabrmds()
        .filter(process -> tctiOf(process).filter(tcti::equals).isPresent())
        .findFirst();
  }

  private Stream<RunningProcess> tabrmds() {
    Optional<Long> named;
    try {
      named = bus.ownerOf("system", TABRMD_NAME);
    } catch (IOException e) {
      named = Optional.empty(); // no bus: it may still be among the processes
    }
    List<Object> trusted = new ArrayList<>(List.of(0));
    owner(rawDevice()).ifPresent(trusted::add);
    owner(proc.resolve("self")).ifPresent(trusted::add);
    Optional<RunningProcess> owning = named.map(this::process);
    return Stream.concat(
        owning.stream(),
        processes().stream()
            .filter(process -> process.name().equals(TABRMD))
            .filter(process -> owner(folder(process.pid())).filter(trusted::contains).isPresent()));
  }

  /**
   * A tpm2-abrmd may also work on /dev/tpmrm0 or on a software TPM, and disturbs nobody there. What
   * cannot be seen is taken for the worse.
   */
  private boolean mayHaveRawDevice(RunningProcess process) {
    Optional<Boolean> seen = holds(process, rawDevice());
    if (seen.isPresent()) {
      return seen.get();
    }
    return tctiOf(process).map(tcti -> tcti.equals("device:" + rawDevice())).orElse(true);
  }

  /** What a tpm2-abrmd was told to work on; empty when it was told nothing or cannot be asked. */
  private Optional<String> tctiOf(RunningProcess process) {
    List<String> arguments = arguments(process.pid());
    for (int i = 0; i < arguments.size(); i++) {
      String tcti = arguments.get(i).startsWith("--tcti=") ? arguments.get(i).substring(7) : "";
      if (List.of("-t", "--tcti").contains(arguments.get(i)) && i + 1 < arguments.size()) {
        tcti = arguments.get(i + 1);
      }
      if (tcti.contains(":")) {
        return Optional.of(tcti);
      }
    }
    return Optional.empty();
  }

  boolean isTabrmd(RunningProcess process) {
    return process.name().equals(TABRMD);
  }

  /** This process. */
  RunningProcess self() {
    return process(ProcessHandle.current().pid());
  }

  /** A process by its number; when it cannot be looked at, its number is all that is known. */
  RunningProcess process(long pid) {
    return new RunningProcess(pid, name(pid).orElse("process"));
  }

  /** Who has this device open, as far as this user may see. */
  Holders holders(Path device) {
    List<RunningProcess> holders = new ArrayList<>();
    boolean complete = true;
    for (RunningProcess process : processes()) {
      Optional<Boolean> holds = holds(process, device);
      complete &= holds.isPresent();
      if (holds.orElse(false)) {
        holders.add(process);
      }
    }
    return new Holders(holders, complete);
  }

  /** Empty when this user may not look. */
  private Optional<Boolean> holds(RunningProcess process, Path device) {
    Path real = real(device);
    try (DirectoryStream<Path> open =
        Files.newDirectoryStream(folder(process.pid()).resolve("fd"))) {
      for (Path descriptor : open) {
        if (pointsTo(descriptor, device, real)) {
          return Optional.of(true);
        }
      }
      return Optional.of(false);
    } catch (NoSuchFileException e) {
      // It ended meanwhile, or it is in another PID namespace: then nothing of it can be seen.
      return Files.exists(folder(process.pid())) || !process.name().equals("process")
          ? Optional.of(false)
          : Optional.empty();
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      return Optional.empty();
    }
  }

  /** Whether it was stopped (SIGSTOP, a debugger) and cannot answer anybody. */
  boolean stopped(RunningProcess process) {
    try {
      String stat = Files.readString(folder(process.pid()).resolve("stat"));
      String afterName = stat.substring(stat.lastIndexOf(')') + 1).trim();
      return afterName.startsWith("T") || afterName.startsWith("t");
    } catch (IOException e) {
      return false;
    }
  }

  /** A stopped process that serves this socket, by its command line. */
  Optional<RunningProcess> stoppedServer(String socket) {
    return processes().stream()
        .filter(
            process -> process.name().equals("swtpm") || process.name().startsWith("tpm_server"))
        .filter(process -> arguments(process.pid()).stream().anyMatch(a -> a.contains(socket)))
        .filter(this::stopped)
        .findFirst();
  }

  /** The command that ends it: its service when it is the service's own program. */
  String stopCommand(RunningProcess process) {
    return service(process)
        .map(service -> "systemctl stop " + service)
        .orElse("kill " + process.pid());
  }

  private Optional<String> service(RunningProcess process) {
    try {
      for (String line : Files.readAllLines(folder(process.pid()).resolve("cgroup"))) {
        int at = line.indexOf("/system.slice/");
        String unit = line.substring(line.lastIndexOf('/') + 1);
        if (at >= 0 && unit.endsWith(".service") && unit.startsWith(process.name())) {
          return Optional.of(unit);
        }
      }
      return Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** The group that may open a device, if its mode lets a group do so. */
  Optional<String> group(Path device) {
    try {
      PosixFileAttributes attributes = Files.readAttributes(device, PosixFileAttributes.class);
      return attributes
              .permissions()
              .containsAll(List.of(PosixFilePermission.GROUP_READ, PosixFilePermission.GROUP_WRITE))
          ? Optional.of(attributes.group().getName()).filter(group -> !group.equals("root"))
          : Optional.empty();
    } catch (IOException | UnsupportedOperationException e) {
      return Optional.empty();
    }
  }

  /** As ls -l shows it, for instance "tss:tss mode 0660"; empty when the node is not there. */
  Optional<String> ownership(Path device) {
    try {
      PosixFileAttributes attributes = Files.readAttributes(device, PosixFileAttributes.class);
      return Optional.of(
          "%s:%s %s"
              .formatted(
                  attributes.owner().getName(),
                  attributes.group().getName(),
                  PosixFilePermissions.toString(attributes.permissions())));
    } catch (IOException | UnsupportedOperationException e) {
      return Optional.empty();
    }
  }

  private List<RunningProcess> processes() {
    List<RunningProcess> found = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(proc, "[0-9]*")) {
      for (Path process : all) {
        long pid;
        try {
          pid = Long.parseLong(process.getFileName().toString());
        } catch (NumberFormatException e) {
          continue;
        }
        name(pid).ifPresent(name -> found.add(new RunningProcess(pid, name)));
      }
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      return found;
    }
    return found;
  }

  private Path folder(long pid) {
    return proc.resolve(Long.toString(pid));
  }

  /** As ps shows it, and for a Java program its jar or class; empty when it has ended. */
  private Optional<String> name(long pid) {
    try {
      String comm = Files.readString(folder(pid).resolve("comm")).trim();
      return Optional.of(comm.equals("java") ? javaName(arguments(pid)) : comm);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static String javaName(List<String> arguments) {
    for (int i = 1; i < arguments.size(); i++) {
      if (arguments.get(i).endsWith(".jar") && arguments.get(i - 1).equals("-jar")) {
        return "java " + Path.of(arguments.get(i)).getFileName();
      }
    }
    return "java";
  }

  private List<String> arguments(long pid) {
    try {
      return List.of(Files.readString(folder(pid).resolve("cmdline"), ISO_8859_1).split("\0"));
    } catch (IOException e) {
      return List.of();
    }
  }

  /** Only what has a TPM's name is looked at closer: a look at a file may hang with its server. */
  private static boolean pointsTo(Path descriptor, Path device, Path real) {
    try {
      Path target = Files.readSymbolicLink(descriptor);
      if (target.equals(device) || target.equals(real)) {
        return true;
      }
      return target.getFileName() != null
          && NODE.matcher(target.getFileName().toString()).matches()
          && sameNode(descriptor, device);
    } catch (IOException | UnsupportedOperationException e) {
      return false;
    }
  }

  /** A container has nodes of its own for the same device. */
  private static boolean sameNode(Path one, Path other) throws IOException {
    Object number = Files.getAttribute(one, "unix:rdev");
    return Files.isSameFile(one, other)
        || !number.equals(0L) && number.equals(Files.getAttribute(other, "unix:rdev"));
  }

  /** A device may be a link to its node. */
  private static Path real(Path device) {
    try {
      return device.toRealPath();
    } catch (IOException e) {
      return device;
    }
  }

  private static Optional<Object> owner(Path file) {
    try {
      return Optional.of(Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS));
    } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }
}
