package dev.serai.tpm.tss;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * The parts of libtss2, by literal soname: the loader's cache finds them without a -dev package,
 * and a future incompatible soname is not taken by mistake.
 */
enum Libraries {
  RC("libtss2-rc.so.0", "libtss2-rc0", ResponseDecoder::bind),
  MU("libtss2-mu.so.0", "libtss2-mu0", Mu::bind),
  TCTILDR("libtss2-tctildr.so.0", "libtss2-tctildr0", TctiLoader::bind),
  ESYS("libtss2-esys.so.0", "libtss2-esys-3.0.2-0", Esys::bind);

  private static boolean loaded;

  private final String soname;
  private final String debianPackage;
  private final Consumer<NativeLibrary> bind;

  Libraries(String soname, String debianPackage, Consumer<NativeLibrary> bind) {
    this.soname = soname;
    this.debianPackage = debianPackage;
    this.bind = bind;
  }

  /** Loads and binds all parts once; a failed load is tried again by the next call. */
  static synchronized void load() {
    if (loaded) {
      return;
    }
    requireJna();
    for (Libraries library : values()) {
      NativeLibrary opened = open(library.soname, library.debianPackage);
      try {
        library.bind.accept(opened);
      } catch (UnsatisfiedLinkError e) {
        throw new TpmException(
            Fault.NO_LIBRARY, 0, library.soname + " is too old: 3.0 or later is needed", e);
      }
    }
    loaded = true;
  }

  /** JNA's own native part must load before anything is asked of it. */
  static void requireJna() {
    try {
      if (Native.SIZE_T_SIZE != 8) {
        throw new TpmException(Fault.NO_LIBRARY, 0, "a 64-bit Java is needed; this one is 32-bit");
      }
      Libc.quietTss();
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      throw new TpmException(
          Fault.NO_LIBRARY,
          0,
          "JNA could not load its native part: is the temporary directory mounted noexec?"
              + " Start with -Djna.tmpdir=<a directory that allows execution>",
          e);
    }
  }

  /** The transport of this kind must be there before the loader is asked for it. */
  static void requireTransport(TctiKind kind) {
    open(kind.soname(), kind.debianPackage());
  }

  static NativeLibrary open(String soname, String debianPackage) {
    try {
      return NativeLibrary.getInstance(soname);
    } catch (UnsatisfiedLinkError e) {
      throw new TpmException(
          Fault.NO_LIBRARY,
          0,
          ("%s is missing or does not load. Install %s (Debian 12; on Debian 13 and Ubuntu 24.04"
                  + " the name may end in t64; elsewhere tpm2-tss)")
              .formatted(soname, debianPackage),
          e);
    }
  }

  /** What is found of each part and each transport, for people. */
  static List<TpmDoctor.Library> inventory() {
    List<TpmDoctor.Library> found = new ArrayList<>();
    for (Libraries library : values()) {
      found.add(inspect(library.soname, library.debianPackage, true));
    }
    for (TctiKind kind : TctiKind.values()) {
      if (found.stream().noneMatch(known -> known.soname().equals(kind.soname()))) {
        boolean required = kind == TctiKind.KERNEL_RESOURCE_MANAGER;
        found.add(inspect(kind.soname(), kind.debianPackage(), required));
      }
    }
    return found;
  }

  private static TpmDoctor.Library inspect(String soname, String debianPackage, boolean required) {
    try {
      NativeLibrary.getInstance(soname);
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      return new TpmDoctor.Library(soname, debianPackage, required, "", "");
    }
    String path = mapped(soname);
    return new TpmDoctor.Library(soname, debianPackage, required, path, version(debianPackage));
  }

  /** Where the loader found it, as the kernel shows it. */
  private static String mapped(String soname) {
    try {
      return Files.readAllLines(Path.of("/proc/self/maps")).stream()
          .filter(line -> line.contains("/" + soname))
          .map(line -> line.substring(line.indexOf('/')))
          .findFirst()
          .orElse(soname);
    } catch (IOException e) {
      return soname;
    }
  }

  /** From the package database of Debian and Ubuntu; empty elsewhere. */
  private static String version(String debianPackage) {
    Path status = Path.of("/var/lib/dpkg/status");
    if (!Files.isReadable(status)) {
      return "";
    }
    try {
      boolean inside = false;
      for (String line : Files.readAllLines(status)) {
        if (line.startsWith("Package: ")) {
          String name = line.substring("Package: ".length());
          inside = name.equals(debianPackage) || name.equals(debianPackage + "t64");
        } else if (inside && line.startsWith("Version: ")) {
          return line.substring("Version: ".length());
        }
      }
      return "";
    } catch (IOException e) {
      return "";
    }
  }
}
