package dev.serai.camara;

import java.nio.charset.StandardCharsets;
import java.util.Base64;

/** A token or a password: in no log, in no comparison. */
final class Secret {
  private final String value;

  Secret(String value) {
    this.value = value;
  }

  String reveal() {
    return value;
  }

  /** Client id and secret as an Authorization header. */
  Secret basic() {
    return new Secret(
        "Basic " + Base64.getEncoder().encodeToString(value.getBytes(StandardCharsets.UTF_8)));
  }

  @Override
  public String toString() {
    return "Secret";
  }
}
