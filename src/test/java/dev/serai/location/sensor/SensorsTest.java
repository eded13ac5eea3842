package dev.serai.location.sensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.serai.deadline.Deadline;
import dev.serai.location.LocationReading;
import dev.serai.location.LocationReading.Position;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.testing.SeraiHarness;
import dev.serai.tpm.wire.MalformedStructureException;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What sensors say, and what becomes of those that lie, hang, or are not there. */
class SensorsTest {
  private static final Duration LONG = Duration.ofSeconds(60);
  private static final Duration SHORT = Duration.ofMillis(300);
  private static final Instant NOW = Instant.parse("2026-11-26T10:20:40Z");
  private static final InstantSource CLOCK = InstantSource.fixed(NOW);
  private static final String GGA = "GPGGA,102030.50,4019.8000,N,00346.2420,W,1,08,0.9,600,M,,M,,";
  private static final String RMC = "GPRMC,102030.50,A,4019.8000,N,00346.2420,W,0.0,0.0,261126,,,A";
  private static final String GSA = "GPGSA,A,3,01,02,03,04,,,,,,,,,1.5,0.9,1.2";
  @TempDir Path dir;

  static String sentence(String content) {
    int sum = content.chars().reduce(0, (a, b) -> a ^ b);
    return "$%s*%02X".formatted(content, sum);
  }

  private static void assertRefused(ReasonCode code, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            RefusalException.class, e -> assertThat(e.reason().code()).isEqualTo(code));
  }

  // --- gpsd -------------------------------------------------------------------------------------

  private static String tpv(String rest) {
    return "{\"class\":\"TPV\",\"device\":\"/dev/ttyACM0\",\"mode\":3,"
        + "\"time\":\"2026-11-26T10:20:30.500Z\",\"lat\":40.33,\"lon\":-3.7707"
        + rest
        + "}";
  }

  @Test
  void gpsd_says_where_and_how_well() throws Exception {
    try (FakeGpsd gpsd =
        new FakeGpsd(
            "{\"class\":\"DEVICES\",\"devices\":[]}",
            "{\"class\":\"TPV\",\"mode\":1}",
            tpv(",\"epx\":3.0,\"epy\":4.0"))) {
      LocationReading reading = new GpsdSensor(gpsd.address()).read(LONG);
      assertThat(reading.position()).contains(new Position(40.33, -3.7707, 5));
      assertThat(reading.takenAt()).isEqualTo("2026-11-26T10:20:30.500Z");
      assertThat(reading.sensorId()).isEqualTo("/dev/ttyACM0");
      assertThat(reading.source()).isEqualTo("gpsd");
      gpsd.lines.set(2, tpv(",\"epx\":3.0,\"epy\":4.0,\"eph\":7.5"));
      assertThat(new GpsdSensor(gpsd.address()).read(LONG).position())
          .contains(new Position(40.33, -3.7707, 7.5));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"class\":\"TPV\",\"mode\":1,\"lat\":1.0,\"lon\":1.0,\"eph\":1.0}",
        "{\"class\":\"TPV\",\"mode\":2,\"lat\":1.0,\"lon\":1.0}",
        "{\"class\":\"TPV\",\"mode\":2,\"time\":\"2026-11-26T10:20:30Z\",\"eph\":1.0}",
        "{\"class\":\"TPV\",\"mode\":3,\"lat\":1.0,\"lon\":1.0,\"eph\":1.0}",
        "{\"class\":\"TPV\",\"status\":8,\"mode\":3,\"lat\":1.0,\"lon\":1.0,\"eph\":1.0,"
            + "\"time\":\"2026-11-26T10:20:30Z\"}",
        "{\"class\":\"SKY\"}"
      })
  void gpsd_without_a_whole_fix_has_none(String line) throws Exception {
    try (FakeGpsd gpsd = new FakeGpsd(line)) {
      assertRefused(ReasonCode.LOCATION_NO_FIX, () -> new GpsdSensor(gpsd.address()).read(SHORT));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SSH-2.0-OpenSSH_9.2",
        "{\"class\":7}",
        "{\"class\":\"TPV\",\"mode\":3,\"lat\":91.0,\"lon\":1.0,\"eph\":1.0}",
        "{\"class\":\"TPV\",\"mode\":3,\"lat\":1.0,\"lon\":1.0,\"eph\":-1.0}",
        "{\"class\":\"TPV\",\"mode\":3,\"lat\":1.0,\"lon\":1.0,\"eph\":1.0,\"time\":\"now\"}",
        "[[[[[[[[[[[[[[[[[["
      })
  void what_is_no_gpsd_is_not_believed(String line) throws Exception {
    try (FakeGpsd gpsd = new FakeGpsd(line)) {
      assertRefused(
          ReasonCode.LOCATION_SENSOR_INVALID, () -> new GpsdSensor(gpsd.address()).read(LONG));
    }
  }

  @Test
  void a_line_without_end_is_passed_over() throws Exception {
    try (FakeGpsd gpsd = new FakeGpsd("{".repeat(100_000), tpv(",\"eph\":1.0"))) {
      assertThat(new GpsdSensor(gpsd.address()).read(LONG).position()).isPresent();
    }
  }

  @Test
  void no_gpsd_is_a_missing_sensor_and_a_far_one_is_none() throws Exception {
    InetSocketAddress closed =
        new InetSocketAddress(InetAddress.getLoopbackAddress(), SeraiHarness.freePort());
    assertRefused(ReasonCode.LOCATION_SENSOR_MISSING, () -> new GpsdSensor(closed).read(LONG));
    assertRefused(
        ReasonCode.CONFIGURATION_INVALID,
        () -> new GpsdSensor(new InetSocketAddress("192.0.2.1", 2947)));
  }

  // --- NMEA -------------------------------------------------------------------------------------

  private Path feed(String... sentences) throws IOException {
    Path file = dir.resolve("nmea");
    Files.writeString(file, String.join("\r\n", sentences) + "\r\n");
    return file;
  }

  @Test
  void a_receiver_says_where_by_sentences_of_one_second() throws Exception {
    Path file =
        feed(
            "19,N,003*12",
            sentence("GPTXT,01,01,02,hello"),
            sentence(GGA.replace("102030", "102029")),
            sentence(RMC),
            sentence(GSA),
            sentence(GGA));
    LocationReading reading = new NmeaSensor(file).read(LONG);
    assertThat(reading.position()).contains(new Position(40.33, -3.7707, 4.5));
    assertThat(reading.takenAt()).isEqualTo("2026-11-26T10:20:30.500Z");
    assertThat(reading.sensorId()).isEqualTo(file.toString());
    assertThat(reading.source()).isEqualTo("nmea");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "W,1,08,0.9|W,0,08,0.9",
        "W,1,08,0.9|W,6,08,0.9",
        "W,1,08,0.9|W,8,08,0.9",
        "W,1,08,0.9|W,1,08,99.9",
        "W,1,08,0.9|W,1,08,",
        "102030.50,A|102030.50,V",
        "GSA,A,3|GSA,A,1",
        "GGA,102030.50|GGA,102031.50",
      })
  void a_receiver_that_does_not_mean_it_has_no_fix(String what, String instead) throws Exception {
    Path file =
        feed(
            sentence(GSA.replace(what, instead)),
            sentence(RMC.replace(what, instead)),
            sentence(GGA.replace(what, instead)));
    assertRefused(ReasonCode.LOCATION_NO_FIX, () -> new NmeaSensor(file).read(LONG));
  }

  @Test
  void what_is_no_nmea_is_not_believed_and_no_device_is_missing() throws Exception {
    Path file = feed("hello", "$GPGGA,1*00", "\u00e4".repeat(500));
    assertRefused(ReasonCode.LOCATION_SENSOR_INVALID, () -> new NmeaSensor(file).read(LONG));
    assertRefused(
        ReasonCode.LOCATION_SENSOR_MISSING, () -> new NmeaSensor(dir.resolve("none")).read(LONG));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GPGGA,1",
        "$GPGGA,1*00",
        "$GPGGA,1*4",
        "$GPGGA,1*ZZ",
        "$gpgga,1*7D",
        "$GPGG*4F",
        "$*00",
        "",
        "$GPGGA,1\u0007*54"
      })
  void a_sentence_that_is_none_is_malformed(String line) {
    assertThatThrownBy(() -> NmeaSentence.parse(line))
        .isInstanceOf(MalformedStructureException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GPGGA,246060,4019.8,N,00346.2,W,1,08,0.9",
        "GPGGA,102030,4060.0,N,00346.2,W,1,08,0.9",
        "GPGGA,102030,4019.8,X,00346.2,W,1,08,0.9",
        "GPRMC,102030,A,,,,,,,310226"
      })
  void a_sentence_that_says_nonsense_is_malformed(String content) throws Exception {
    NmeaSentence sentence = NmeaSentence.parse(sentence(content));
    assertThatThrownBy(() -> new NmeaFix().add(sentence))
        .isInstanceOf(MalformedStructureException.class);
  }

  @Test
  void a_silent_device_holds_up_nobody() throws Exception {
    Path fifo = dir.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    try (var writer =
        new java.io.RandomAccessFile(fifo.toFile(), "rw")) { // open, and never says a word
      assertThat(writer.getFD().valid()).isTrue();
      assertRefused(ReasonCode.LOCATION_NO_FIX, () -> new NmeaSensor(fifo).read(SHORT));
    }
  }

  // --- File -------------------------------------------------------------------------------------

  private Path site(String json, String mode) throws IOException {
    Path file = dir.resolve("site.json");
    Files.writeString(file, json);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
    return file;
  }

  private static final String SITE =
      "{ \"type\": \"gnss\", \"sensor_id\": \"rack-7\", \"source\": \"file\",\n"
          + "  \"latitude\": 52.5, \"longitude\": 13.25, \"accuracy\": 10 }\n";

  @Test
  void a_fixed_site_is_where_its_file_says() throws Exception {
    LocationReading reading = new FileSensor(site(SITE, "rw-r--r--"), CLOCK).read(LONG);
    assertThat(reading.position()).contains(new Position(52.5, 13.25, 10));
    assertThat(reading.takenAt()).isEqualTo(NOW);
  }

  @Test
  void a_file_that_others_may_write_is_not_believed() throws Exception {
    for (String mode : List.of("rw-rw-r--", "rw-r--rw-")) {
      assertRefused(
          ReasonCode.LOCATION_SENSOR_INVALID,
          () -> new FileSensor(site(SITE, mode), CLOCK).read(LONG));
    }
    Path link = Files.createSymbolicLink(dir.resolve("link"), site(SITE, "rw-------"));
    assertRefused(ReasonCode.LOCATION_SENSOR_INVALID, () -> new FileSensor(link, CLOCK).read(LONG));
  }

  @Test
  void a_file_of_another_kind_or_none_is_refused() throws Exception {
    assertRefused(
        ReasonCode.LOCATION_SENSOR_INVALID,
        () ->
            new FileSensor(site(SITE.replace("\"file\"", "\"gpsd\""), "rw-------"), CLOCK)
                .read(LONG));
    assertRefused(
        ReasonCode.LOCATION_SENSOR_INVALID,
        () -> new FileSensor(site("{}", "rw-------"), CLOCK).read(LONG));
    assertRefused(
        ReasonCode.LOCATION_SENSOR_MISSING,
        () -> new FileSensor(dir.resolve("none"), CLOCK).read(LONG));
  }

  // --- Modems -----------------------------------------------------------------------------------

  private Path usb(String port, String vendor, String product) throws IOException {
    Path device = Files.createDirectories(dir.resolve("usb").resolve(port));
    Files.writeString(device.resolve("idVendor"), vendor + "\n");
    Files.writeString(device.resolve("idProduct"), product + "\n");
    return device;
  }

  private void driver(Path device, String driver) throws IOException {
    Path one = Files.createDirectories(device.resolve(device.getFileName() + ":1.0"));
    Files.createSymbolicLink(
        one.resolve("driver"), Path.of("../../../../bus/usb/drivers/" + driver));
  }

  private MobileSensor mobile(String... named) {
    return new MobileSensor(
        new UsbBus(Set.of(named), dir.resolve("usb")),
        new ModemManager(dir.resolve("no-bus")),
        CLOCK);
  }

  @Test
  void a_modem_is_known_by_its_driver_or_its_name() throws Exception {
    assertRefused(ReasonCode.LOCATION_SENSOR_MISSING, () -> mobile().read(SHORT));
    usb("usb1", "1d6b", "0002");
    Path stick = usb("1-2", "12d1", "1433");
    Files.writeString(stick.resolve("serial"), "0123456789\n");
    assertRefused(ReasonCode.LOCATION_SENSOR_MISSING, () -> mobile().read(SHORT));
    assertThat(mobile("12d1:1433").read(SHORT).sensorId()).isEqualTo("12d1:1433");
    driver(stick, "option");
    LocationReading reading = mobile().read(SHORT);
    assertThat(reading.type()).isEqualTo("mobile");
    assertThat(reading.serialNumber()).contains("0123456789");
    assertThat(reading.imei()).isEmpty();
    assertThat(reading.takenAt()).isEqualTo(NOW);
    Files.delete(stick.resolve("idVendor")); // unplugged
    assertRefused(ReasonCode.LOCATION_SENSOR_MISSING, () -> mobile().read(SHORT));
  }

  @Test
  void numbers_of_a_driver_are_taken_if_they_are_numbers() throws Exception {
    Path stick = usb("1-2", "12d1", "1433");
    Files.writeString(stick.resolve("imei"), "356345043865103\n");
    Files.writeString(stick.resolve("imsi"), "none\n");
    // Sticks of one model have it all alike, so it is no name where there is a better one.
    Files.writeString(stick.resolve("serial"), "0123456789ABCDEF\n");
    LocationReading reading = mobile("12d1:1433").read(SHORT);
    assertThat(reading.imei()).contains("356345043865103");
    assertThat(reading.imsi()).isEmpty();
    assertThat(reading.serialNumber()).isEmpty();
  }

  @Test
  void modem_manager_names_modem_and_sim_over_a_real_bus() throws Exception {
    Path stick = usb("1-2", "12d1", "1433");
    try (FakeModemManager manager = FakeModemManager.start(dir, stick.toRealPath().toString())) {
      LocationReading reading =
          new MobileSensor(
                  new UsbBus(Set.of("12d1:1433"), dir.resolve("usb")),
                  new ModemManager(manager.bus()),
                  CLOCK)
              .read(LONG);
      assertThat(reading.imei()).contains("356345043865103");
      assertThat(reading.imsi()).contains("214070610960475");
      assertThat(reading.msisdn()).contains("tel:+34696810912");
    }
  }

  // --- All together -----------------------------------------------------------------------------

  private static LocationSensor sensor(String name, java.util.function.Supplier<Object> says) {
    return new LocationSensor() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public LocationReading read(Duration within) {
        Object said = says.get();
        if (said instanceof RuntimeException e) {
          throw e;
        }
        return (LocationReading) said;
      }
    };
  }

  private static LocationReading reading(Instant takenAt) {
    return new LocationReading(
        "gnss",
        "test",
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.of(new Position(1, 2, 3)),
        takenAt,
        "gpsd");
  }

  private final MeterRegistry meters = new SimpleMeterRegistry();

  private LocationSensors sensors(LocationSensor... all) {
    return new LocationSensors(List.of(all), SHORT, Duration.ofSeconds(60), CLOCK, meters);
  }

  @Test
  void n28_a_stale_reading_is_refused_and_so_is_one_of_the_future() {
    assertThat(sensors(sensor("gnss", () -> reading(NOW.minusSeconds(60)))).read().takenAt())
        .isEqualTo(NOW.minusSeconds(60));
    assertRefused(
        ReasonCode.LOCATION_STALE,
        () -> sensors(sensor("gnss", () -> reading(NOW.minusSeconds(61)))).read());
    assertRefused(
        ReasonCode.LOCATION_STALE,
        () -> sensors(sensor("gnss", () -> reading(NOW.plusSeconds(31)))).read());
    assertThat(
            meters
                .get("serai.location.reads")
                .tags("sensor", "gnss", "result", "LOCATION_STALE")
                .counter()
                .count())
        .isEqualTo(2);
  }

  @Test
  void without_a_sensor_there_is_no_location() {
    assertRefused(ReasonCode.LOCATION_OFF, () -> sensors().read());
    assertThat(sensors().configured()).isFalse();
  }

  @Test
  void the_first_sensor_with_a_reading_is_the_one_and_the_first_reason_is_named() {
    LocationSensor missing = sensor("mobile", () -> Refusals.missing("unplugged", null));
    LocationSensor broken = sensor("file", () -> new IllegalStateException("a bug"));
    LocationSensor good = sensor("gnss", () -> reading(NOW));
    assertThat(sensors(missing, broken, good).read()).isEqualTo(reading(NOW));
    assertRefused(ReasonCode.LOCATION_SENSOR_MISSING, () -> sensors(missing, broken).read());
    assertRefused(ReasonCode.INTERNAL_ERROR, () -> sensors(broken, missing).read());
    LocationSensor nonsense = sensor("gnss", () -> new IllegalArgumentException("no place"));
    assertRefused(ReasonCode.LOCATION_SENSOR_INVALID, () -> sensors(nonsense).read());
  }

  @Test
  void few_callers_from_outside_wait_for_a_slow_sensor() {
    CountDownLatch go = new CountDownLatch(1);
    LocationSensors sensors =
        new LocationSensors(
            List.of(
                sensor(
                    "gnss",
                    () -> {
                      try {
                        go.await();
                      } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                      }
                      return reading(NOW);
                    })),
            LONG,
            LONG,
            CLOCK,
            meters);
    ExecutorService peers = Executors.newFixedThreadPool(3);
    List<ReasonCode> refused = new CopyOnWriteArrayList<>();
    List<LocationReading> answered = new CopyOnWriteArrayList<>();
    try {
      for (int i = 0; i < 3; i++) {
        peers.execute(
            () -> {
              try {
                answered.add(sensors.readForPeer());
              } catch (RefusalException e) {
                refused.add(e.reason().code());
              }
            });
      }
      await().atMost(LONG).until(() -> !refused.isEmpty()); // the others hold both places
      assertThat(answered).isEmpty();
      go.countDown();
      await().atMost(LONG).until(() -> answered.size() == 2);
      assertThat(refused).containsExactly(ReasonCode.OVERLOADED);
    } finally {
      go.countDown();
      peers.shutdownNow();
    }
    assertThat(sensors.readForPeer()).isEqualTo(reading(NOW));
  }

  @Test
  void a_sensor_that_hangs_costs_one_thread_and_one_timeout() {
    CountDownLatch never = new CountDownLatch(1);
    AtomicInteger reads = new AtomicInteger();
    LocationSensor hanging =
        sensor(
            "gnss",
            () -> {
              reads.incrementAndGet();
              try {
                never.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              return reading(NOW);
            });
    LocationSensors sensors = sensors(hanging, sensor("file", () -> reading(NOW)));
    for (int i = 0; i < 5; i++) {
      assertThat(sensors.read()).isEqualTo(reading(NOW)); // of the second
    }
    assertThat(reads).hasValue(1);
    never.countDown();
    assertRefused(
        ReasonCode.DEADLINE_EXCEEDED,
        () ->
            sensors(
                    sensor(
                        "gnss",
                        () -> {
                          try {
                            new CountDownLatch(1).await();
                          } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                          }
                          return null;
                        }))
                .read());
  }

  /** This process's. */
  private static long descriptors() throws IOException {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return open.count();
    }
  }

  @Test
  void a_bus_that_does_not_take_this_user_costs_no_descriptor() throws Exception {
    Path socket = dir.resolve("bus");
    try (ServerSocketChannel bus = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      bus.bind(UnixDomainSocketAddress.of(socket));
      Thread refuses =
          new Thread(
              () -> {
                try {
                  while (true) {
                    try (SocketChannel caller = bus.accept()) {
                      caller.write(
                          ByteBuffer.wrap("REJECTED\r\n".getBytes(StandardCharsets.US_ASCII)));
                      caller.read(ByteBuffer.allocate(256));
                    }
                  }
                } catch (IOException e) { // the test is over
                  Thread.currentThread().interrupt();
                }
              });
      refuses.setDaemon(true);
      refuses.start();
      ModemManager manager = new ModemManager(socket);
      long before = descriptors();
      for (int i = 0; i < 200; i++) {
        assertThatThrownBy(() -> manager.identity(dir, Deadline.in(Duration.ofSeconds(60))))
            .isInstanceOf(IOException.class)
            .hasMessageContaining("does not take this user");
      }
      assertThat(descriptors()).isLessThan(before + 100);
    }
  }
}
