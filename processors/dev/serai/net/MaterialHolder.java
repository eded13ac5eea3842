package dev.serai.net;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A source that its owner sets. May be used from any thread. */
public final class MaterialHolder implements MaterialSource {
  private static final Logger LOG = LoggerFactory.getLogger(MaterialHolder.class);

  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private volatile Optional<X509Material> current = Optional.empty();

  /** From now on every new handshake uses this. */
  public void set(X509Material material) {
    current = Optional.of(material);
    tellListeners();
  }

  /** The identity is gone: no handshake succeeds until there is another one. */
  public void clear() {
    current = Optional.empty();
    tellListeners();
  }

  @Override
  public Optional<X509Material> current() {
    return current;
  }

  @Override
  public AutoCloseable onChange(Runnable action) {
    // A wrapper of its own, so that closing removes this registration and no equal one.
    Runnable listener = action::run;
    listeners.add(listener);
    return () -> listeners.remove(listener);
  }

  private void tellListeners() {
    for (Runnable listener : listeners) {
      try {
        listener.run();
      } catch (RuntimeException e) {
        LOG.warn("a listener to an identity failed", e);
      }
    }
  }
}
