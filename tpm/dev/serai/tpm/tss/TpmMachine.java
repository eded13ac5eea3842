package dev.serai.tpm.tss;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the operating system shows of its TPM, read without opening a connection to it and without
 * D-Bus (asking for tpm2-abrmd there would start it).
 *
 * @param dev device nodes, usually /dev
 * @param proc processes, usually /proc
 * @param sys kernel objects, usually /sys
 * @param probe how a device is tried; {@link #LINUX} opens it once and closes it
 */
public record TpmMachine(Path dev, Path proc, Path sys, DeviceProbe probe) {
  private static final String TABRMD = "tpm2-abrmd";

  /** Opens a device once. */
  @FunctionalInterface
  public interface DeviceProbe {
    /** 0 when it opened, else errno. */
    int errno(Path device);
  }

  /** open(2) for reading and writing. */
  public static final DeviceProbe LINUX = device -> Libc.probe(device.toString());

  /** This machine. */
  public static TpmMachine local() {
    return new TpmMachine(Path.of("/dev"), Path.of("/proc"), Path.of("/sys"), LINUX);
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
   * tpm2-abrmd, if it runs already. Anyone can give a process that name, so it must belong to root,
   * to the owner of the device, or to the user of this process.
   */
  Optional<RunningProcess> tabrmd() {
    List<Object> trusted = new ArrayList<>(List.of(0));
    owner(rawDevice()).ifPresent(trusted::add);
    owner(proc.resolve("self")).ifPresent(trusted::add);
    return processes().stream()
        .filter(process -> process.name().equals(TABRMD))
        .filter(
            process ->
                owner(proc.resolve(Long.toString(process.pid())))
                    .filter(trusted::contains)
                    .isPresent())
        .findFirst();
  }

  /** Who has this device open, as far as this user may see. */
  Holders holders(Path device) {
    List<RunningProcess> holders = new ArrayList<>();
    boolean complete = true;
    for (RunningProcess process : processes()) {
      Path descriptors = proc.resolve(Long.toString(process.pid())).resolve("fd");
      try (DirectoryStream<Path> open = Files.newDirectoryStream(descriptors)) {
        for (Path descriptor : open) {
          if (pointsTo(descriptor, device)) {
            holders.add(process);
            break;
          }
        }
      } catch (NoSuchFileException e) {
        continue; // it ended meanwhile
      } catch (IOException | java.nio.file.DirectoryIteratorException e) {
        complete = false;
      }
    }
    return new Holders(holders, complete);
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
        try {
          found.add(
              new RunningProcess(
                  Long.parseLong(process.getFileName().toString()),
                  Files.readString(process.resolve("comm")).trim()));
        } catch (IOException | NumberFormatException e) {
          continue; // it ended meanwhile, or is no process
        }
      }
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      return found;
    }
    return found;
  }

  private static boolean pointsTo(Path descriptor, Path device) {
    try {
      return Files.readSymbolicLink(descriptor).equals(device);
    } catch (IOException | UnsupportedOperationException e) {
      return false;
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
