package dev.serai.tpm.tss;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.util.Optional;

/**
 * The D-Bus connection that libtss2's way to tpm2-abrmd uses. GLib makes it, one for each bus in a
 * process, and ends the process when the bus goes away. Nothing ends this process but its operator.
 */
final class GlibBus implements AutoCloseable {
  private static final int SYSTEM = 1;
  private static final int SESSION = 2;

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
      NativeLibrary gio = NativeLibrary.getInstance("libgio-2.0.so.0");
      Pointer made =
          gio.getFunction("g_bus_get_sync")
              .invokePointer(
                  new Object[] {busType.equals("session") ? SESSION : SYSTEM, null, null});
      if (made != null) {
        gio.getFunction("g_dbus_connection_set_exit_on_close").invokeVoid(new Object[] {made, 0});
      }
      return new GlibBus(Optional.ofNullable(made));
    } catch (UnsatisfiedLinkError e) {
      return new GlibBus(Optional.empty());
    }
  }

  @Override
  public void close() {
    connection.ifPresent(
        made -> {
          Function unref = NativeLibrary.getInstance("libgobject-2.0.so.0").getFunction("g_object_unref");
          unref.invokeVoid(new Object[] {made});
        });
  }
}
