package dev.serai.management;

import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Compares logins with the password, but only so many wrong ones: ten at once, then one each five
 * seconds. While there are too many, no password is looked at, the right one included; health and
 * metrics want none and are not concerned.
 */
final class ConsoleLogin {
  static final int AT_ONCE = 10;
  static final long REFILL_NANOS = 5_000_000_000L;

  private final ConsolePassword password;
  private final LongSupplier nanos;
  private double left = AT_ONCE;
  private long at;

  /** What came of it. */
  enum Result {
    ACCEPTED,
    /** None shown, or a wrong one. */
    REQUIRED,
    TOO_MANY
  }

  /**
   * @param nanos a clock that only goes forward
   */
  ConsoleLogin(ConsolePassword password, LongSupplier nanos) {
    this.password = password;
    this.nanos = nanos;
    this.at = nanos.getAsLong();
  }

  /** A question without an Authorization header is no wrong password. */
  synchronized Result check(Optional<String> authorization) {
    if (authorization.isEmpty()) {
      return Result.REQUIRED;
    }
    long now = nanos.getAsLong();
    left = Math.min(AT_ONCE, left + (double) (now - at) / REFILL_NANOS);
    at = now;
    if (left < 1) {
      return Result.TOO_MANY;
    }
    if (password.accepts(authorization)) {
      return Result.ACCEPTED;
    }
    left -= 1;
    return Result.REQUIRED;
  }
}
