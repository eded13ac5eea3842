package dev.serai.watching;

import dev.serai.tpm.Bytes;

/**
 * One request to the verifier, its operation known and its caller allowed, its body not yet read.
 *
 * @param caller the SPIFFE id it proved; empty where anybody may ask
 */
public record VerifierCall(VerifierOperation operation, String caller, Bytes body) {

  /** What the routes choose by. */
  public String operationName() {
    return operation.name();
  }

  /** Not the content. */
  @Override
  public String toString() {
    return "VerifierCall[%s, %d bytes]".formatted(operation, body.size());
  }
}
