package dev.serai.tpm;

import java.time.Duration;
import java.util.Optional;

/**
 * Told of every finished TPM operation, for meters. Called on the caller's thread; must be quick.
 */
@FunctionalInterface
public interface TpmOperationListener {
  /** Tells nobody. */
  TpmOperationListener NONE = (operation, fault, took) -> {};

  /**
   * @param operation quote, certify, sign, activate, random, ...
   * @param fault empty when it succeeded
   * @param took from the call until the answer, waiting for the TPM included
   */
  void finished(String operation, Optional<TpmException.Fault> fault, Duration took);
}
