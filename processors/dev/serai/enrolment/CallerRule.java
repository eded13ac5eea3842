package dev.serai.enrolment;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.SpiffeId;
import java.util.Optional;
import java.util.Set;

/** Who may ask what. Every operation that is not open to anyone is for named callers only. */
sealed interface CallerRule {

  /**
   * @throws RefusalException when the caller may not ask this
   */
  void check(RegistrarOperation operation, Optional<SpiffeId> caller);

  /** The listener in clear: nothing but what is open; Keylime answers a bare 400 there. */
  record OpenOnly() implements CallerRule {
    @Override
    public void check(RegistrarOperation operation, Optional<SpiffeId> caller) {
      if (!operation.open()) {
        throw RegistrarRefusals.bare(
            400, ReasonCode.CALLER_NOT_ALLOWED, operation + " is not served in clear");
      }
    }
  }

  /**
   * The TLS listener.
   *
   * @param readers may list and show
   * @param administrators may delete too
   */
  record Named(Set<SpiffeId> readers, Set<SpiffeId> administrators) implements CallerRule {
    public Named {
      readers = Set.copyOf(readers);
      administrators = Set.copyOf(administrators);
    }

    @Override
    public void check(RegistrarOperation operation, Optional<SpiffeId> caller) {
      if (operation.open()) {
        return;
      }
      if (caller.isEmpty()) {
        throw RegistrarRefusals.forbidden(
            operation, ReasonCode.CALLER_NOT_AUTHENTICATED, operation + " without a certificate");
      }
      boolean allowed =
          administrators.contains(caller.get())
              || operation != RegistrarOperation.DELETE && readers.contains(caller.get());
      if (!allowed) {
        throw RegistrarRefusals.forbidden(
            operation, ReasonCode.CALLER_NOT_ALLOWED, operation + " by " + caller.get());
      }
    }
  }
}
