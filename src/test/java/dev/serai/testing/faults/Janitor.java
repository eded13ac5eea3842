package dev.serai.testing.faults;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Cleans up after this JVM however it ends, also by SIGKILL: a shell that reads what there is to
 * clean up and does it when its input ends.
 */
public final class Janitor implements AutoCloseable {
  private static final String SCRIPT =
      """
      pids=; mounts=; dirs=
      while read -r what which; do
        case $what in
          kill) pids="$pids $which" ;;
          ended) pids=$(printf '%s\\n' $pids | grep -vx "$which" | tr '\\n' ' ') ;;
          unmount) mounts="$which $mounts" ;;
        esac
      done
      for pid in $pids; do kill -9 "$pid"; done
      for mount in $mounts; do umount -l "$mount"; done
      """;

  private final Process shell;
  private final OutputStream in;

  public Janitor() throws IOException {
    shell =
        new ProcessBuilder("setsid", "sh", "-c", SCRIPT) // not killed with our group
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    in = shell.getOutputStream();
  }

  /** A process to be killed. */
  public void started(long pid) throws IOException {
    say("kill " + pid);
  }

  /** It ended; its number may be another's now. */
  public void ended(long pid) throws IOException {
    say("ended " + pid);
  }

  public void mounted(java.nio.file.Path where) throws IOException {
    say("unmount " + where);
  }

  private synchronized void say(String line) throws IOException {
    in.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    in.flush();
  }

  /** Cleans up now. */
  @Override
  public void close() throws IOException {
    in.close();
    try {
      shell.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
