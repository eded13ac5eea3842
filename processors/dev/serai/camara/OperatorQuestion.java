package dev.serai.camara;

import dev.serai.location.DeviceIds;

/**
 * Is this device in this area?
 *
 * @param msisdn with its plus sign
 * @param fresh an answer that is kept from before does not count
 */
public record OperatorQuestion(String msisdn, Area area, boolean fresh) {
  public OperatorQuestion {
    msisdn = DeviceIds.msisdn(msisdn);
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
