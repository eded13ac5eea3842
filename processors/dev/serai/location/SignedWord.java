package dev.serai.location;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.util.Objects;
import java.util.Optional;

/**
 * An operator's signed word as it goes into claims, checked before this is made. It holds a place,
 * so it prints nothing.
 *
 * @param json the signed text
 * @param signature base64
 */
public record SignedWord(String json, String signature, String keyId) {
  public SignedWord {
    Objects.requireNonNull(json);
    Objects.requireNonNull(signature);
    Objects.requireNonNull(keyId);
  }

  /** The area that the operator confirmed; empty for a text that is no endorsement. */
  public Optional<LocationReading.Position> area() {
    try {
      Endorsement said = Endorsement.parse(Bytes.ofText(json));
      return Optional.of(
          new LocationReading.Position(said.latitude(), said.longitude(), said.accuracyMetres()));
    } catch (MalformedStructureException | IllegalArgumentException e) { // it says no place
      return Optional.empty();
    }
  }

  @Override
  public String toString() {
    return "SignedWord[key %s]".formatted(keyId);
  }
}
