package dev.serai.jwtsvid;

/**
 * A JWT-SVID in compact serialisation: whoever has it is its subject. Never printed or compared.
 */
public final class JwtToken {
  private final String compact;

  JwtToken(String compact) {
    this.compact = compact;
  }

  /** The text, for the workload it was asked for. */
  public String reveal() {
    return compact;
  }

  @Override
  public String toString() {
    return "JwtToken";
  }
}
