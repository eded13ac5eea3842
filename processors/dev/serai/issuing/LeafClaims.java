package dev.serai.issuing;

import dev.serai.tpm.Bytes;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * What goes into a certificate beside its name.
 *
 * @param extension content of the claims extension; empty for none
 * @param until the certificate ends no later; empty where nothing in it ends
 */
record LeafClaims(Optional<Bytes> extension, Optional<Instant> until) {
  static final LeafClaims NONE = new LeafClaims(Optional.empty(), Optional.empty());

  LeafClaims {
    Objects.requireNonNull(extension);
    Objects.requireNonNull(until);
  }
}
