package dev.serai.sensor;

import dev.serai.camara.Area;
import dev.serai.location.DeviceIds;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.util.Optional;

/**
 * The question of route {@code endorse-location}: an endorsement for this nonce that the operator
 * has the device with this IMEI and IMSI where it belongs, or in this area.
 */
public record EndorsementRequest(String imei, String imsi, String nonce, Optional<Area> area) {
  /**
   * @throws RefusalException with the code of what is not acceptable
   */
  public EndorsementRequest {
    imei = DeviceIds.imei(imei);
    imsi = DeviceIds.imsi(imsi);
    if (!nonce.matches("[A-Za-z0-9._~+/=-]{16,128}")) {
      throw new RefusalException(
          ReasonCode.ENDORSEMENT_NONCE_INVALID,
          nonce.isEmpty() ? "there is none" : "not 16 to 128 characters of a nonce");
    }
  }

  @Override
  public String toString() {
    return "EndorsementRequest[]";
  }
}
