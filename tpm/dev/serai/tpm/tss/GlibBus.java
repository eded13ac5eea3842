package dev.serai.tpm.tss;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.util.Optional;

/**
 * The D-Bus connection that libtss2's way to tpm2-abrmd uses. GLib makes it, one for each bus in a
 * process, and ends the process when the bus goes away. Nothing ends this process but its operator.
 *
 * <p>What GLib has to tell of a connection, its end included, it queues for a main loop that nobody
 * runs here, and the queue keeps a connection that has ended as the one of the process. So the
 * queue is emptied before a connection is asked for.
 */
final class GlibBus implements AutoCloseable {
  private static final int SYSTEM = 1;
  private static final int SESSION = 2;

  /** More than one closed connection ever queues; a queue that fills itself does not keep us. */
  private static final int MOST_EVENTS = 1000;

  private static final int TRIES = 2;

  private final Optional<Pointer> connection;

  private GlibBus(Optional<Pointer> connection) {
    this.connection = connection;
  }

  /**
   * Takes the connection that libtss2 is about to use, so that it is there when libtss2 asks, and
   * tells it to leave the process alone. Close this when libtss2 has its own hold on it. Without a
   * bus or without GLib nothing is held, and libtss2 says what is missing.
   */
  static GlibBus hold(String busType) {
    try {
      for (int tries = 0; tries < TRIES; tries++) {
        emptyQueue();
        Pointer made =
            gio("g_bus_get_sync")
                .invokePointer(
                    new Object[] {busType.equals("session") ? SESSION : SYSTEM, null, null});
        if (made == null) {
          break;
        }
        if (gio("g_dbus_connection_is_closed").invokeInt(new Object[] {made}) == 0) {
          gio("g_dbus_connection_set_exit_on_close").invokeVoid(new Object[] {made, 0});
          return new GlibBus(Optional.of(made));
        }
        release(made);
      }
      return new GlibBus(Optional.empty());
    } catch (UnsatisfiedLinkError e) {
      return new GlibBus(Optional.empty());
    }
  }

  private static void emptyQueue() {
    com.sun.jna.Function iterate =
        NativeLibrary.getInstance("libglib-2.0.so.0").getFunction("g_main_context_iteration");
    for (int i = 0; i < MOST_EVENTS; i++) {
      if (iterate.invokeInt(new Object[] {null, 0}) == 0) {
        return;
      }
    }
  }

  private static com.sun.jna.Function gio(String name) {
    return NativeLibrary.getInstance("libgio-2.0.so.0").getFunction(name);
  }

  private static void release(Pointer object) {
    NativeLibrary.getInstance("libgobject-2.0.so.0")
        .getFunction("g_object_unref")
        .invokeVoid(new Object[] {object});
  }

  @Override
  public void close() {
    connection.ifPresent(GlibBus::release);
  }
}
