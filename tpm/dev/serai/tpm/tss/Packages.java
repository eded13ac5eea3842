package dev.serai.tpm.tss;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** How a part of libtss2 is installed here. Debian 12 names each library; others differ. */
final class Packages {
  private static final Path OS_RELEASE = Path.of("/etc/os-release");

  /** By soname, on Debian 12. */
  private static final Map<String, String> DEBIAN_12 =
      Map.of(
          "libtss2-rc.so.0", "libtss2-rc0",
          "libtss2-mu.so.0", "libtss2-mu0",
          "libtss2-tctildr.so.0", "libtss2-tctildr0",
          "libtss2-esys.so.0", "libtss2-esys-3.0.2-0",
          "libtss2-tcti-device.so.0", "libtss2-tcti-device0",
          "libtss2-tcti-tabrmd.so.0", "libtss2-tcti-tabrmd0",
          "libtss2-tcti-swtpm.so.0", "libtss2-tcti-swtpm0",
          "libtss2-tcti-mssim.so.0", "libtss2-tcti-mssim0");

  private Packages() {}

  /** The package that has this library, on this distribution. */
  static String of(String soname) {
    return of(soname, release());
  }

  /** The command that installs it on this distribution. */
  static String install(String soname) {
    return install(soname, release());
  }

  static String of(String soname, Map<String, String> release) {
    boolean tabrmd = soname.contains("tabrmd");
    if (isDebian(release)) {
      String name = DEBIAN_12.getOrDefault(soname, soname);
      if (tabrmd || isBeforeTime64(release)) {
        return name;
      }
      return (name.equals("libtss2-mu0") ? "libtss2-mu-4.0.1-0" : name) + "t64";
    }
    if (is(release, "suse")) {
      return DEBIAN_12.getOrDefault(soname, soname).replace("-3.0.2-0", "0");
    }
    if (is(release, "alpine")) {
      return "tpm2-tss-" + soname.replace("libtss2-", "").replaceAll("\\.so.*", "");
    }
    return tabrmd ? "tpm2-abrmd" : "tpm2-tss";
  }

  static String install(String soname, Map<String, String> release) {
    String name = of(soname, release);
    if (isDebian(release)) {
      return "apt-get install " + name;
    }
    if (is(release, "fedora") || is(release, "rhel")) {
      return "dnf install " + name;
    }
    if (is(release, "suse")) {
      return "zypper install " + name;
    }
    if (is(release, "alpine")) {
      return "apk add " + name;
    }
    if (is(release, "arch")) {
      return "pacman -S " + name;
    }
    return "install " + name + " with this system's package manager";
  }

  private static boolean isDebian(Map<String, String> release) {
    return is(release, "debian") || is(release, "ubuntu");
  }

  /** Before Debian 13 and Ubuntu 24.04 renamed the libraries that were built anew. */
  private static boolean isBeforeTime64(Map<String, String> release) {
    double version;
    try {
      version = Double.parseDouble(release.getOrDefault("VERSION_ID", "99"));
    } catch (NumberFormatException e) {
      return false;
    }
    return version < (release.getOrDefault("ID", "").equals("ubuntu") ? 24.04 : 13);
  }

  private static boolean is(Map<String, String> release, String family) {
    String names = release.getOrDefault("ID", "") + " " + release.getOrDefault("ID_LIKE", "");
    return (" " + names + " ").contains(" " + family + " ");
  }

  private static Map<String, String> release() {
    try {
      return parse(Files.readString(OS_RELEASE));
    } catch (IOException e) {
      return Map.of();
    }
  }

  static Map<String, String> parse(String osRelease) {
    Map<String, String> found = new java.util.HashMap<>();
    for (String line : osRelease.split("\n")) {
      int equals = line.indexOf('=');
      if (equals > 0) {
        String value = line.substring(equals + 1).trim();
        found.put(line.substring(0, equals).trim(), value.replaceAll("^[\"']|[\"']$", ""));
      }
    }
    return found;
  }

  /** From the package database of Debian and Ubuntu; empty elsewhere. */
  static Optional<String> version(String packageName) {
    Path status = Path.of("/var/lib/dpkg/status");
    if (!Files.isReadable(status)) {
      return Optional.empty();
    }
    try {
      boolean inside = false;
      for (String line : Files.readAllLines(status)) {
        if (line.startsWith("Package: ")) {
          inside = line.substring("Package: ".length()).equals(packageName);
        } else if (inside && line.startsWith("Version: ")) {
          return Optional.of(line.substring("Version: ".length()));
        }
      }
      return Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
