package dev.serai.service;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import sun.misc.Signal;

/**
 * What signals mean: SIGTERM and SIGINT stop in good order, the second of them ends the process at
 * once, SIGHUP reloads. The only user of {@code sun.misc.Signal}, which JDK 9 and later keep for
 * this (JEP 260): Java has no other way to hear of SIGHUP.
 */
public final class Signals {
  private static final Logger LOG = LoggerFactory.getLogger(Signals.class);

  private Signals() {}

  /**
   * From now on.
   *
   * @param stop called once, on a thread of its own
   * @param reload called for each SIGHUP, on a thread of its own
   * @param now ends the process with this exit code
   */
  public static void handle(Runnable stop, Runnable reload, IntConsumer now) {
    AtomicBoolean stopping = new AtomicBoolean();
    for (String name : new String[] {"TERM", "INT"}) {
      on(
          name,
          signal -> {
            if (!stopping.compareAndSet(false, true)) {
              now.accept(128 + signal.getNumber());
              return;
            }
            LOG.info("stopping on SIG{}", signal.getName());
            new Thread(stop, "serai-stop").start();
          });
    }
    on(
        "HUP",
        signal -> {
          Thread thread = new Thread(reload, "serai-reload");
          thread.setDaemon(true);
          thread.start();
        });
  }

  private static void on(String name, sun.misc.SignalHandler handler) {
    try {
      Signal.handle(new Signal(name), handler);
    } catch (IllegalArgumentException e) { // the JVM was told to leave signals alone (-Xrs)
      LOG.warn("SIG{} is not handled: {}", name, e.getMessage());
    }
  }
}
