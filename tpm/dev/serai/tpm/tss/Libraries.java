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
  RC("libtss2-rc.so.0", ResponseDecoder::bind),
  MU("libtss2-mu.so.0", Mu::bind),
  TCTILDR("libtss2-tctildr.so.0", TctiLoader::bind),
  ESYS("libtss2-esys.so.0", Esys::bind);

  private static boolean loaded;

  private final String soname;
  private final Consumer<NativeLibrary> bind;

  Libraries(String soname, Consumer<NativeLibrary> bind) {
    this.soname = soname;
    this.bind = bind;
  }

  /** Loads and binds all parts once; a failed load is tried again by the next call. */
  static synchronized void load() {
    if (loaded) {
      return;
    }
    requireJna();
    for (Libraries library : values()) {
      NativeLibrary opened = open(library.soname);
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
      throw TpmException.mendable(
          Fault.NO_LIBRARY,
          "JNA could not load its native part: is the temporary directory mounted noexec?",
          "start with -Djna.tmpdir=<a directory that allows execution>",
          e);
    }
  }

  /** The transport of this kind must be there before the loader is asked for it. */
  static void requireTransport(TctiKind kind) {
    open(kind.soname());
  }

  static NativeLibrary open(String soname) {
    try {
      return NativeLibrary.getInstance(soname);
    } catch (UnsatisfiedLinkError e) {
      throw TpmException.mendable(
          Fault.NO_LIBRARY, soname + " is missing or does not load", Packages.install(soname), e);
    }
  }

  /**
   * What is found of each part and each transport, for people.
   *
   * @param wanted the transport that is needed
   */
  static List<TpmDoctor.Library> inventory(TctiKind wanted) {
    List<TpmDoctor.Library> found = new ArrayList<>();
    for (Libraries library : values()) {
      found.add(inspect(library.soname, true));
    }
    for (TctiKind kind : TctiKind.values()) {
      if (found.stream().noneMatch(known -> known.soname().equals(kind.soname()))) {
        found.add(inspect(kind.soname(), kind.soname().equals(wanted.soname())));
      }
    }
    return found;
  }

  private static TpmDoctor.Library inspect(String soname, boolean required) {
    String packageName = Packages.of(soname);
    try {
      NativeLibrary.getInstance(soname);
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      return new TpmDoctor.Library(soname, packageName, required, "", "");
    }
    String version = Packages.version(packageName).orElse("");
    return new TpmDoctor.Library(soname, packageName, required, mapped(soname), version);
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
}
