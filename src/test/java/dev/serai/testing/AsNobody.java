package dev.serai.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.Library;
import com.sun.jna.Native;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;

/**
 * Runs code as a user without any right: in Linux users are a matter of threads, and only the C
 * library makes them one of processes. What the code loads for the first time may be out of its
 * reach; so run it once before.
 */
public final class AsNobody {
  private static final int NOBODY = 65534;
  private static final boolean ARM = System.getProperty("os.arch").equals("aarch64");
  private static final int SETGROUPS = ARM ? 159 : 116;
  private static final int SETRESUID = ARM ? 147 : 117;
  private static final int SETRESGID = ARM ? 149 : 119;

  private interface Kernel extends Library {
    Kernel C = Native.load("c", Kernel.class);

    long syscall(long number, Object... arguments);
  }

  private AsNobody() {}

  public static <T> T call(Callable<T> code) throws Exception {
    assumeTrue(System.getProperty("user.name").equals("root"), "only root can become nobody");
    FutureTask<T> task =
        new FutureTask<>(
            () -> {
              assertThat(Kernel.C.syscall(SETGROUPS, 0L, 0L)).isZero();
              assertThat(Kernel.C.syscall(SETRESGID, -1L, (long) NOBODY, -1L)).isZero();
              assertThat(Kernel.C.syscall(SETRESUID, -1L, (long) NOBODY, -1L)).isZero();
              try {
                return code.call();
              } finally {
                Kernel.C.syscall(SETRESUID, -1L, 0L, -1L);
              }
            });
    Thread nobody = new Thread(task, "nobody");
    nobody.start();
    return task.get();
  }
}
