package dev.serai.testing.faults;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A small disk (tmpfs) at a directory, that can be filled to the last byte. Needs root. */
public final class FullDisk implements AutoCloseable {
  private final Path at;

  private FullDisk(Path at) {
    this.at = at;
  }

  /** Mounts it over an empty directory. */
  public static FullDisk mount(Path at, int megabytes) throws IOException {
    sweep();
    Files.writeString(owner(at), Long.toString(ProcessHandle.current().pid()));
    run("mount", "-t", "tmpfs", "-o", "mode=0700,size=" + megabytes + "m", "tmpfs", at.toString());
    return new FullDisk(at);
  }

  private static Path owner(Path at) {
    return at.resolveSibling(at.getFileName() + ".owner");
  }

  /** Unmounts what a test left behind that was killed together with everything of its. */
  private static void sweep() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/mounts"))) {
      String[] fields = line.split(" ");
      Path mount = Path.of(fields[1]);
      if (!fields[0].equals("tmpfs") || mount.getFileName() == null) {
        continue;
      }
      Path owner = owner(mount);
      if (Files.isReadable(owner)) {
        String pid = Files.readString(owner).strip();
        if (pid.matches("\\d+") && !Files.exists(Path.of("/proc", pid))) {
          run("umount", "-l", fields[1]);
        }
      }
    }
  }

  /** Nothing more can be written. */
  public void fill() throws IOException {
    byte[] block = new byte[4096];
    try (OutputStream out = Files.newOutputStream(ballast())) {
      while (true) {
        out.write(block);
      }
    } catch (IOException e) {
      if (at.toFile().getUsableSpace() > 0) {
        throw e;
      }
    }
  }

  public void free() throws IOException {
    Files.deleteIfExists(ballast());
  }

  private Path ballast() {
    return at.resolve(".ballast");
  }

  @Override
  public void close() throws IOException {
    run("umount", "-l", at.toString());
    Files.deleteIfExists(owner(at));
  }

  private static void run(String... command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (process.waitFor() != 0) {
        throw new IOException(String.join(" ", command) + ": " + said.strip());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }
}
