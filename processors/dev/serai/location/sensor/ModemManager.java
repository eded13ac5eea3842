package dev.serai.location.sensor;

import dev.serai.deadline.Deadline;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** What ModemManager knows of a modem and its SIM, asked over the system bus. */
final class ModemManager {
  private static final Path SYSTEM_BUS = Path.of("/run/dbus/system_bus_socket");
  private static final String NAME = "org.freedesktop.ModemManager1";
  private static final String ROOT = "/org/freedesktop/ModemManager1";
  private static final String MODEM = NAME + ".Modem";
  private static final String SIM = NAME + ".Sim";
  private static final Pattern IMEI = Pattern.compile("[0-9]{15}");
  private static final Pattern IMSI = Pattern.compile("[0-9]{14,15}");
  private static final Pattern NUMBER = Pattern.compile("\\+?[1-9][0-9]{3,14}");
  private static final Pattern PATH = Pattern.compile("/[A-Za-z0-9_/]{1,200}");

  private final Path bus;

  ModemManager() {
    this(SYSTEM_BUS);
  }

  ModemManager(Path bus) {
    this.bus = bus;
  }

  /** Numbers of a modem and its SIM. */
  record Identity(Optional<String> imei, Optional<String> imsi, Optional<String> msisdn) {
    static final Identity UNKNOWN =
        new Identity(Optional.empty(), Optional.empty(), Optional.empty());

    /** Without the numbers. */
    @Override
    public String toString() {
      return "Identity";
    }
  }

  /**
   * Of the modem whose device is this one in sysfs; empty when ModemManager does not know it.
   *
   * @throws IOException there is no bus, no ModemManager, or none that answers in time
   */
  Optional<Identity> identity(Path device, Deadline deadline) throws IOException {
    try (DbusConnection connection = DbusConnection.open(bus, deadline)) {
      Object objects =
          connection.call(
              NAME, ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", List.of());
      for (Object interfaces : map(objects).values()) {
        Map<?, ?> modem = map(map(interfaces).get(MODEM));
        if (device.toString().equals(modem.get("Device"))) {
          return Optional.of(identity(connection, modem));
        }
      }
      return Optional.empty();
    }
  }

  private static Identity identity(DbusConnection connection, Map<?, ?> modem) throws IOException {
    Optional<String> imei = text(modem.get("EquipmentIdentifier"), IMEI);
    Optional<String> msisdn = Optional.empty();
    if (modem.get("OwnNumbers") instanceof List<?> numbers && !numbers.isEmpty()) {
      msisdn =
          text(numbers.get(0), NUMBER)
              .map(number -> "tel:+" + (number.startsWith("+") ? number.substring(1) : number));
    }
    Optional<String> sim = text(modem.get("Sim"), PATH);
    Optional<String> imsi = Optional.empty();
    if (sim.isPresent()) {
      Object properties =
          connection.call(
              NAME, sim.get(), "org.freedesktop.DBus.Properties", "GetAll", List.of(SIM));
      imsi = text(map(properties).get("Imsi"), IMSI);
    }
    return new Identity(imei, imsi, msisdn);
  }

  private static Map<?, ?> map(Object value) {
    return value instanceof Map<?, ?> map ? map : Map.of();
  }

  private static Optional<String> text(Object value, Pattern form) {
    return value instanceof String text && form.matcher(text).matches()
        ? Optional.of(text)
        : Optional.empty();
  }
}
