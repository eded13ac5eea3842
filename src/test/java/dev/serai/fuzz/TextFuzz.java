package dev.serai.fuzz;

import static dev.serai.fuzz.Fuzzed.check;
import static dev.serai.fuzz.Fuzzed.same;

import dev.serai.app.LayeredSettings;
import dev.serai.jwtsvid.JwtFuzz;
import dev.serai.keylime.AgentId;
import dev.serai.keylime.ApiPath;
import dev.serai.location.sensor.SensorFuzz;
import dev.serai.management.ManagementFuzz;
import dev.serai.role.TraceId;
import dev.serai.rpc.RpcFuzz;
import dev.serai.spiffe.InvalidSpiffeIdException;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.tss.TctiChoice;
import dev.serai.tpm.tss.TctiKind;
import dev.serai.tpm.tss.TpmMachine;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.workload.WorkloadFuzz;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** Names, headers, and lines of files. */
public final class TextFuzz {
  private static final Class<?> NO_ID = InvalidSpiffeIdException.class;
  private static final TpmMachine NO_MACHINE =
      new TpmMachine(
          Path.of("/dev"),
          Path.of("/nowhere"),
          Path.of("/nowhere"),
          device -> 0,
          (bus, name) -> Optional.empty());

  private static final Fuzzed PARSERS =
      new Fuzzed()
          .with('s', "SPIFFE ID", TextFuzz::spiffeId, NO_ID)
          .with('d', "trust domain", TextFuzz::trustDomain, NO_ID)
          .with('l', "selector", TextFuzz::selector, IllegalArgumentException.class)
          .with('t', "traceparent", TextFuzz::traceparent)
          .with('c', "TCTI", TextFuzz::tcti, TpmException.class)
          .with('g', "configuration file", TextFuzz::configuration)
          .with('i', "node id", TextFuzz::nodeId)
          .with('h', "path", in -> ApiPath.of(text(in)).rest())
          .with('o', "Authorization", ManagementFuzz::authorization)
          .with('q', "query", ManagementFuzz::query)
          .with('p', "/proc/pid/stat", RpcFuzz::stat)
          .with('w', "/proc/pid/status", WorkloadFuzz::status, IOException.class)
          .with('a', "passwd", WorkloadFuzz::accountNames)
          .with('n', "NMEA", SensorFuzz::nmea)
          .with('j', "gpsd", SensorFuzz::gpsd, MalformedStructureException.class)
          .with('b', "D-Bus message", SensorFuzz::dbus, MalformedStructureException.class)
          .with('v', "JWT-SVID", JwtFuzz::token);

  private TextFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    PARSERS.run(data);
  }

  static Map<String, byte[]> seeds() {
    return Seeds.of()
        .add(
            'n',
            "fix",
            "$GPRMC,102030.50,A,4019.8000,N,00346.2420,W,0.0,0.0,261126,,,A\n"
                + "$GPGGA,102030.50,4019.8000,N,00346.2420,W,1,08,0.9,600,M,,M,,\n"
                + "$GPGSA,A,3,01,02,03,04,,,,,,,,,1.5,0.9,1.2*31\n")
        .add(
            'j',
            "tpv",
            "{\"class\":\"TPV\",\"device\":\"/dev/ttyACM0\",\"mode\":3,\"time\":"
                + "\"2026-11-26T10:20:30.500Z\",\"lat\":40.33,\"lon\":-3.77,\"epx\":3,\"epy\":4}")
        .add('b', "call", SensorFuzz.dbusSeed())
        .add('v', "token", JwtFuzz.seed())
        .add('s', "workload", "spiffe://example.org/ns/default/sa/web")
        .add('s', "upper-case", "SPIFFE://Example.ORG/A_b-c.d")
        .add('d', "name", "example.org")
        .add('d', "id", "spiffe://example.org")
        .add('l', "uid", "unix:uid:1000")
        .add('t', "w3c", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .add('c', "device", "device:/dev/tpmrm0")
        .add('c', "swtpm", "swtpm:host=127.0.0.1,port=2321")
        .add('c', "tabrmd", "tabrmd:bus_type=session,bus_name=com.intel.tss2.Tabrmd")
        .add('c', "mssim", "mssim:path=/run/tpm/sock")
        .add(
            'g',
            "file",
            "serai.roles=issuer,registrar\nserai.trust-domain: example.org\n# a comment\n"
                + "serai.issuer.svid-ttl = 90m\nserai.issuer.port=8081\n"
                + "serai.agent.registrar=http\\u003a//127.0.0.1:8890\n")
        .add('i', "uuid", "1f0cf1b2-9a6c-8d1e-8000-5e7a1a5e7a1a")
        .add('h', "quotes", "/v2.5/quotes/integrity")
        .add('o', "basic", "Basic c2VyYWk6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==")
        .add('q', "two", "maxDepth=7&ignoreErrors=%20true&x")
        .add('p', "stat", "1 (a b) S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 1 2")
        .add(
            'w',
            "status",
            "Name:\tbash\nUid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\n"
                + "Groups:\t24 1000 \n")
        .add('a', "passwd", "root:x:0:0:root:/root:/bin/bash\nweb:x:1000:1000::/:/bin/sh\n")
        .all();
  }

  private static String text(byte[] in) {
    return Bytes.copyOf(in).toText();
  }

  /** Letters of other alphabets are no other way to write a name. */
  private static void requireAscii(String text) {
    check(text.chars().allMatch(c -> c < 128), "an accepted name is of ASCII");
  }

  private static void spiffeId(byte[] in) {
    SpiffeId id = SpiffeId.parse(text(in));
    same(id, SpiffeId.parse(id.toString()), "an ID is read as it is written");
    check(text(in).equalsIgnoreCase(id.toString()), "an ID says what the text says");
    requireAscii(text(in));
    check(id.path().isEmpty() || text(in).endsWith(id.path()), "a path keeps its case");
  }

  private static void trustDomain(byte[] in) {
    TrustDomain domain = TrustDomain.parse(text(in));
    same(domain, TrustDomain.parse(domain.name()), "a domain is read as it is written");
    same(domain, TrustDomain.parse(domain.id().toString()), "and so is its ID");
    requireAscii(text(in));
  }

  private static void selector(byte[] in) {
    Selector selector = Selector.parse(text(in));
    same(text(in), selector.toString(), "a selector is written as it was read");
  }

  private static void traceparent(byte[] in) {
    Optional<String> id = TraceId.fromTraceparent(text(in));
    id.ifPresent(
        known ->
            same(
                id,
                TraceId.fromTraceparent(TraceId.traceparent(known)),
                "a trace id is handed on"));
  }

  private static void tcti(byte[] in) {
    TctiChoice choice = TctiChoice.choose(Optional.of(text(in)), true, NO_MACHINE);
    boolean software = choice.kind() == TctiKind.SWTPM || choice.kind() == TctiKind.MSSIM;
    check(
        !software || choice.tcti().contains("path=/") || choice.tcti().contains("host="),
        "a software TPM is on this machine");
    check(
        !choice.tcti().startsWith("device:") || choice.tcti().matches("device:/dev/tpm(rm)?\\d+"),
        "a device is a TPM");
    check(choice.tcti().chars().allMatch(c -> c > 0), "a C string has no zero in it");
  }

  private static void configuration(byte[] in) throws IOException {
    Path file = ConfigurationFile.PATH;
    Files.write(file, in);
    LayeredSettings settings = LayeredSettings.load(Optional.of(file), Map.of(), Map.of());
    Duration life = settings.duration("serai.issuer.svid-ttl");
    check(life.toMillis() >= 0, "a duration can be waited for");
    settings.integer("serai.issuer.port");
    settings.flag("serai.tpm.allow-software");
    settings.list("serai.roles");
  }

  /** Written again for each input. */
  private static final class ConfigurationFile {
    static final Path PATH = path();

    private static Path path() {
      try {
        Path file = Files.createTempFile("fuzz", ".properties");
        file.toFile().deleteOnExit();
        return file;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static void nodeId(byte[] in) {
    AgentId.parse(text(in)).ifPresent(id -> requireAscii(id.text()));
  }
}
