package dev.serai.tpm.tss;

import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import java.time.Duration;
import java.util.Optional;

/**
 * Where an automatic choice has led, so that it leads there again. tpm2-abrmd that is restarted,
 * for instance by an upgrade, is waited for; one that stays away is forgotten, and the choice is
 * made anew.
 */
final class Attachment {
  private final long patience;
  private Optional<TctiKind> kind = Optional.empty();
  private Optional<Long> awaySince = Optional.empty();

  /** patience: with a resource manager that has gone. */
  Attachment(Duration patience) {
    this.patience = patience.toNanos();
  }

  synchronized Optional<TctiKind> kind() {
    return kind;
  }

  synchronized void opened(TctiKind led) {
    kind = Optional.of(led);
    awaySince = Optional.empty();
  }

  /** now: System.nanoTime(). */
  synchronized void failed(TpmException trouble, long now) {
    if (trouble.fault() != Fault.NO_MANAGER) {
      return;
    }
    long since = awaySince.orElse(now);
    awaySince = Optional.of(since);
    if (now - since >= patience) {
      kind = Optional.empty();
    }
  }
}
