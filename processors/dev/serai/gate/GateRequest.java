package dev.serai.gate;

import java.util.Objects;
import java.util.Optional;

/**
 * Somebody wants to pass.
 *
 * @param certificate PEM, plain or in URL encoding, of the certificate whose key was proven in the
 *     TLS handshake with that peer; empty when it showed none
 */
public record GateRequest(Optional<String> certificate) {
  public GateRequest {
    Objects.requireNonNull(certificate);
  }

  /** Of the peer's own certificate. */
  public static GateRequest of(String pem) {
    return new GateRequest(Optional.of(pem).filter(text -> !text.isBlank()));
  }
}
