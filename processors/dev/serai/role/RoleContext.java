package dev.serai.role;

import dev.serai.store.Database;
import io.micrometer.core.instrument.MeterRegistry;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Set;
import org.apache.camel.CamelContext;

/** What a role finds in its process. */
public interface RoleContext {

  Settings settings();

  /** Opened and migrated on first call. */
  Database database();

  InstantSource clock();

  MeterRegistry meters();

  CamelContext camel();

  /** Roles of this process. */
  Set<String> roles();

  /** serai.state-dir, 0700, made if missing. */
  Path stateDir();

  /** Binds a bean for routes (by name) and for other roles (by type through {@link #find}). */
  void bind(String name, Object bean);

  /** A bean another role bound. @throws IllegalStateException if there is none */
  <T> T find(String name, Class<T> type);

  /** Runs once all routes are started, on its own thread. */
  void afterStart(Runnable action);

  /** Asked when the configuration is read again while the process runs. */
  default void onReload(Reloadable reloadable) {}

  /** Closed in reverse order when the process stops. */
  void onStop(AutoCloseable closeable);
}
