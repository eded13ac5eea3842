package dev.serai.camara;

import dev.serai.location.DeviceIds;
import java.time.Duration;
import java.util.Optional;

/**
 * Is this device in this area?
 *
 * @param msisdn with its plus sign
 * @param fresh an answer that is kept from before does not count
 * @param maxAge of one that does; empty for as long as answers are kept
 */
public record OperatorQuestion(String msisdn, Area area, boolean fresh, Optional<Duration> maxAge) {
  public OperatorQuestion {
    msisdn = DeviceIds.msisdn(msisdn);
  }

  /** Any answer that is kept does. */
  public OperatorQuestion(String msisdn, Area area, boolean fresh) {
    this(msisdn, area, fresh, Optional.empty());
  }

  /** For the route: not yet. */
  public boolean isAnswered() {
    return false;
  }

  @Override
  public String toString() {
    return "OperatorQuestion[fresh=" + fresh + "]";
  }
}
