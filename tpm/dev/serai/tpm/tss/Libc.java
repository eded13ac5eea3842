package dev.serai.tpm.tss;

import com.sun.jna.LastErrorException;
import com.sun.jna.Platform;
import java.util.Optional;

/** The few functions of the C library in use. */
final class Libc {
  static final int ENOENT = 2;
  static final int ENXIO = 6;
  static final int EACCES = 13;
  static final int EBUSY = 16;
  static final int ENODEV = 19;
  static final int EPERM = 1;

  private static final int O_RDWR = 2;
  private static final int O_NONBLOCK = 0x800;
  private static final int O_CLOEXEC = 0x80000;

  static {
    com.sun.jna.Native.register(Libc.class, Platform.C_LIBRARY_NAME);
  }

  private Libc() {}

  /** Opens for reading and writing and closes again. 0, or errno. */
  static int probe(String path) {
    try {
      close(open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC));
      return 0;
    } catch (LastErrorException e) {
      return e.getErrorCode();
    }
  }

  /** libtss2 writes to stderr unless told otherwise; a value set by the operator stays. */
  static void quietTss() {
    setenv("TSS2_LOG", "all+none", 0);
  }

  /** As C libraries of this process see it. */
  static Optional<String> environment(String name) {
    return Optional.ofNullable(getenv(name)).filter(value -> !value.isEmpty());
  }

  private static native String getenv(String name);

  private static native int open(String path, int flags) throws LastErrorException;

  private static native int close(int descriptor) throws LastErrorException;

  private static native int setenv(String name, String value, int overwrite);
}
