package dev.serai.location;

import java.util.Objects;

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

  @Override
  public String toString() {
    return "SignedWord[key %s]".formatted(keyId);
  }
}
