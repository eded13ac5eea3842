package dev.serai.workload;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Names of users and groups by number, from files in the form of passwd(5) and group(5), which are
 * read again when they change. Accounts that live in a directory service only have no name here.
 */
final class AccountNames {
  private static final int ID_FIELD = 2;

  private final Path file;
  private volatile Read last = new Read(Map.of(), Map.of());

  private record Read(Map<String, Object> version, Map<Integer, String> names) {}

  AccountNames(Path file) {
    this.file = file;
  }

  Optional<String> nameOf(int id) {
    return Optional.ofNullable(names().get(id));
  }

  private Map<Integer, String> names() {
    Read known = last;
    try {
      Map<String, Object> version = Files.readAttributes(file, "unix:ino,size,lastModifiedTime");
      if (!version.equals(known.version())) {
        known = new Read(version, parse(Files.readString(file, StandardCharsets.ISO_8859_1)));
        last = known;
      }
    } catch (IOException e) {
      return Map.of();
    }
    return known.names();
  }

  static Map<Integer, String> parse(String text) {
    Map<Integer, String> names = new HashMap<>();
    for (String line : text.split("\n")) {
      String[] fields = line.split(":");
      if (fields.length > ID_FIELD
          && !fields[0].isEmpty()
          && fields[ID_FIELD].matches("\\d{1,9}")) {
        names.putIfAbsent(Integer.parseInt(fields[ID_FIELD]), fields[0]);
      }
    }
    return Map.copyOf(names);
  }
}
