package dev.serai.location.sensor;

import java.nio.file.Path;
import java.util.Optional;

/**
 * A modem on the USB bus, as sysfs shows it.
 *
 * @param id vendor:product
 * @param device the real path of its directory, which ModemManager names too
 * @param imei of the driver's own attribute, where there is one
 */
record UsbModem(
    String id, Path device, Optional<String> serial, Optional<String> imei, Optional<String> imsi) {
  /** Without numbers of the subscriber. */
  @Override
  public String toString() {
    return "UsbModem[" + id + "]";
  }
}
