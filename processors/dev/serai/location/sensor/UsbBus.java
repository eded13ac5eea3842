package dev.serai.location.sensor;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Modems in sysfs. What a USB device says of itself is its own word; a modem is one that the
 * operator named, or one that a driver of modems took.
 */
final class UsbBus {
  private static final Path DEVICES = Path.of("/sys/bus/usb/devices");
  private static final Set<String> MODEM_DRIVERS =
      Set.of(
          "qmi_wwan", "cdc_mbim", "huawei_cdc_ncm", "option", "sierra", "sierra_net", "qcserial");
  private static final Pattern HEX4 = Pattern.compile("[0-9a-f]{4}");
  private static final Pattern SERIAL = Pattern.compile("[A-Za-z0-9 ._:/@+-]{1,64}");
  private static final Pattern IMEI = Pattern.compile("[0-9]{15}");
  private static final Pattern IMSI = Pattern.compile("[0-9]{14,15}");
  private static final int MOST_DEVICES = 1024;
  private static final int LONGEST = 256;

  private final Path root;
  private final Set<String> named;

  /** named: vendor:product of modems; none means those with a modem's driver. */
  UsbBus(Set<String> named) {
    this(named, DEVICES);
  }

  UsbBus(Set<String> named, Path root) {
    this.named = Set.copyOf(named);
    this.root = root;
  }

  /** In the order of their ports, so that the same one is the first each time. */
  List<UsbModem> modems() {
    List<UsbModem> found = new ArrayList<>();
    for (Path entry : entries()) {
      try {
        read(entry).ifPresent(found::add);
      } catch (IOException e) {
        continue; // unplugged while it was read
      }
    }
    return found;
  }

  private Set<Path> entries() {
    Set<Path> entries = new TreeSet<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(root)) {
      for (Path entry : all) {
        if (!entry.getFileName().toString().contains(":") && entries.size() < MOST_DEVICES) {
          entries.add(entry); // with a colon it is an interface
        }
      }
    } catch (NoSuchFileException | NotDirectoryException e) {
      return entries; // no USB here
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + root, e);
    }
    return entries;
  }

  private Optional<UsbModem> read(Path entry) throws IOException {
    Optional<String> vendor = attribute(entry, "idVendor", HEX4);
    Optional<String> product = attribute(entry, "idProduct", HEX4);
    if (vendor.isEmpty() || product.isEmpty()) {
      return Optional.empty();
    }
    String id = vendor.get() + ":" + product.get();
    if (named.isEmpty() ? !hasModemDriver(entry) : !named.contains(id)) {
      return Optional.empty();
    }
    return Optional.of(
        new UsbModem(
            id,
            entry.toRealPath(),
            attribute(entry, "serial", SERIAL),
            attribute(entry, "imei", IMEI),
            attribute(entry, "imsi", IMSI)));
  }

  private static boolean hasModemDriver(Path device) throws IOException {
    try (DirectoryStream<Path> interfaces = Files.newDirectoryStream(device, "*:*")) {
      for (Path one : interfaces) {
        Path driver = one.resolve("driver");
        if (Files.isSymbolicLink(driver)
            && MODEM_DRIVERS.contains(Files.readSymbolicLink(driver).getFileName().toString())) {
          return true;
        }
      }
    }
    return false;
  }

  private static Optional<String> attribute(Path device, String name, Pattern form)
      throws IOException {
    try (InputStream in = Files.newInputStream(device.resolve(name))) {
      String text = new String(in.readNBytes(LONGEST), StandardCharsets.UTF_8).strip();
      return Optional.of(text).filter(value -> form.matcher(value).matches());
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }
}
