package dev.serai.tpm;

import java.time.Duration;
import java.util.Optional;

/**
 * The callers' side of TPM operations: told of every finished one, for meters, and asked how long
 * the caller waits. Called on the caller's thread; must be quick.
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

  /**
   * How long the caller on this thread will wait, if it does not wait as long as the TPM may take.
   * Asked once when an operation begins.
   */
  default Optional<Duration> patience() {
    return Optional.empty();
  }
}
