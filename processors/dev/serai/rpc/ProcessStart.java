package dev.serai.rpc;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** When a process started: field 22 of /proc/pid/stat, proc(5). */
public final class ProcessStart {
  private static final int FIELDS_BETWEEN_NAME_AND_START = 20;

  private ProcessStart() {}

  /** In clock ticks since boot; empty when there is no such process. */
  public static OptionalLong read(int pid) {
    if (pid <= 0) {
      return OptionalLong.empty();
    }
    try {
      byte[] stat = Files.readAllBytes(Path.of("/proc", Integer.toString(pid), "stat"));
      return parse(new String(stat, StandardCharsets.ISO_8859_1));
    } catch (IOException gone) {
      return OptionalLong.empty();
    }
  }

  /** The name in parentheses is the process's own choice and may hold anything, ") 1 2" too. */
  static OptionalLong parse(String stat) {
    int nameEnd = stat.lastIndexOf(')');
    if (nameEnd < 0) {
      return OptionalLong.empty();
    }
    String[] fields = stat.substring(nameEnd + 1).trim().split(" ");
    if (fields.length < FIELDS_BETWEEN_NAME_AND_START) {
      return OptionalLong.empty();
    }
    try {
      return OptionalLong.of(Long.parseLong(fields[FIELDS_BETWEEN_NAME_AND_START - 1]));
    } catch (NumberFormatException e) {
      return OptionalLong.empty();
    }
  }
}
