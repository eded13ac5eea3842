package dev.serai.location.sensor;

import dev.serai.deadline.Deadline;
import dev.serai.location.LocationReading;
import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A modem on USB: vendor and product, IMEI and IMSI. Who it is comes from its driver's attributes
 * or from ModemManager; where it is only the operator knows. Taken at the moment it was seen.
 */
final class MobileSensor implements LocationSensor {
  private static final Logger LOG = LoggerFactory.getLogger(MobileSensor.class);

  private final UsbBus usb;
  private final ModemManager modemManager;
  private final InstantSource clock;

  MobileSensor(UsbBus usb, ModemManager modemManager, InstantSource clock) {
    this.usb = usb;
    this.modemManager = modemManager;
    this.clock = clock;
  }

  @Override
  public String name() {
    return "mobile";
  }

  @Override
  public LocationReading read(Duration within) {
    List<UsbModem> modems = usb.modems();
    if (modems.isEmpty()) {
      throw Refusals.missing("no modem on the USB bus", null);
    }
    UsbModem modem = modems.get(0);
    ModemManager.Identity identity =
        modem.imei().isPresent() && modem.imsi().isPresent()
            ? ModemManager.Identity.UNKNOWN
            : ask(modem, within);
    Optional<String> imei = modem.imei().or(identity::imei);
    return new LocationReading(
        LocationReading.MOBILE,
        modem.id(),
        imei,
        modem.imsi().or(identity::imsi),
        identity.msisdn(),
        imei.isPresent() ? Optional.empty() : modem.serial(), // many modems share one
        Optional.empty(),
        clock.instant().truncatedTo(ChronoUnit.MILLIS),
        "modem");
  }

  /** Without ModemManager a modem is still there; what is not known is left out, and judged so. */
  private ModemManager.Identity ask(UsbModem modem, Duration within) {
    try {
      return modemManager
          .identity(
              modem.device(),
              Deadline.in(within.minusMillis(Math.min(100, within.toMillis() / 10))))
          .orElse(ModemManager.Identity.UNKNOWN);
    } catch (IOException e) {
      LOG.debug("ModemManager was not asked", e);
      return ModemManager.Identity.UNKNOWN;
    }
  }
}
