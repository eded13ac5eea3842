package dev.serai.spiffe;

/** A text is no SPIFFE ID or trust domain name. The message names the broken rule, not the text. */
public final class InvalidSpiffeIdException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  InvalidSpiffeIdException(String rule) {
    super(rule);
  }
}
