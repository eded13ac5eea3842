package dev.serai.location;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeviceKeyTest {
  @TempDir Path directory;

  private static LocationReading reading(String imei, Optional<String> imsi) {
    return new LocationReading(
        LocationReading.MOBILE,
        "12d1:1433",
        Optional.of(imei),
        imsi,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Instant.EPOCH,
        "modem");
  }

  @Test
  void a_device_has_one_name_for_as_long_as_the_key_is_kept() {
    Path file = directory.resolve("devices/issuer.key");
    DeviceKey key = DeviceKey.in(file);
    LocationReading one = reading("356345043865103", Optional.of("214070610960475"));
    assertThat(DeviceKey.in(file).device(one)).isEqualTo(key.device(one));
    assertThat(key.device(reading("356345043865103", Optional.empty())))
        .as("another SIM, the same device")
        .isEqualTo(key.device(one));
    assertThat(key.device(reading("490154203237518", Optional.empty())))
        .isNotEqualTo(key.device(one));
  }

  @Test
  void another_key_gives_other_names() throws Exception {
    LocationReading one = reading("356345043865103", Optional.empty());
    Path file = directory.resolve("devices/issuer.key");
    var before = DeviceKey.in(file).device(one);
    assertThat(DeviceKey.in(directory.resolve("devices/verifier.key")).device(one))
        .isNotEqualTo(before);
    Files.delete(file);
    assertThat(DeviceKey.in(file).device(one)).isNotEqualTo(before);
  }

  @Test
  void the_key_is_its_owner_s_alone() throws Exception {
    Path file = directory.resolve("devices/issuer.key");
    DeviceKey.in(file);
    assertThat(Files.getPosixFilePermissions(file))
        .isEqualTo(PosixFilePermissions.fromString("rw-------"));
    assertThat(Files.getPosixFilePermissions(file.getParent()))
        .isEqualTo(PosixFilePermissions.fromString("rwx------"));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    DeviceKey.in(file);
    assertThat(Files.getPosixFilePermissions(file))
        .isEqualTo(PosixFilePermissions.fromString("rw-------"));
  }

  @Test
  void a_file_that_is_no_key_is_not_replaced() throws Exception {
    Path file = directory.resolve("issuer.key");
    Files.writeString(file, "short");
    assertThatThrownBy(() -> DeviceKey.in(file)).isInstanceOf(UncheckedIOException.class);
    assertThat(file).hasContent("short");
  }

  @Test
  void only_what_no_other_device_has_is_exclusive() {
    DeviceKey key = DeviceKey.in(directory.resolve("issuer.key"));
    assertThat(key.exclusive(reading("356345043865103", Optional.of("214070610960475"))))
        .hasSize(2)
        .doesNotContain(key.device(reading("356345043865103", Optional.empty())));
    LocationReading path =
        new LocationReading(
            LocationReading.GNSS,
            "/dev/ttyUSB0",
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.of(new LocationReading.Position(1, 2, 3)),
            Instant.EPOCH,
            "nmea");
    assertThat(key.exclusive(path)).isEmpty();
    assertThat(key.device(path).size()).isEqualTo(32);
  }
}
