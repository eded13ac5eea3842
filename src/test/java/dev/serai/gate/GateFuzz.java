package dev.serai.gate;

import static dev.serai.fuzz.Fuzzed.check;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.serai.claims.ClaimsExtension;
import dev.serai.fuzz.Fuzzed;
import dev.serai.fuzz.Seeds;
import dev.serai.location.DeviceAnswer;
import dev.serai.proto.envoy.auth.v3.CheckRequest;
import dev.serai.testing.TestAuthority;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** What proxies and the sensor service send to the gate. */
public final class GateFuzz {
  private static final GateMeters METERS = new GateMeters(new SimpleMeterRegistry());

  private static final Fuzzed PARSERS =
      new Fuzzed()
          .with(
              'p',
              "certificate of a peer",
              GateFuzz::certificate,
              MalformedStructureException.class)
          .with('x', "x-forwarded-client-cert", GateFuzz::header, MalformedStructureException.class)
          .with('c', "check request", GateFuzz::request, InvalidProtocolBufferException.class)
          .with('d', "answer about a device", GateFuzz::answer)
          .with(
              'l',
              "claims",
              in -> ClaimsExtension.decode(Bytes.copyOf(in)),
              MalformedStructureException.class);

  private GateFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    PARSERS.run(data);
  }

  public static Map<String, byte[]> seeds() {
    String pem =
        Svids.pem(
            new Svids(new TestAuthority("test.example"))
                .certificate(Svids.mobile("both", "ab".repeat(32)), Duration.ofHours(1)));
    return Seeds.of()
        .add('p', "pem", pem)
        .add('p', "encoded", Svids.encoded(pem))
        .add('x', "element", "By=spiffe://a/b;Hash=00;Subject=\"CN=\\\"x\\\"\";Cert=\"C%2B\"")
        .add('x', "two", "Cert=\"a\",Cert=\"b\"")
        .add(
            'c',
            "envoy",
            Bytes.copyOf(
                GateFixture.request(
                        Svids.encoded(pem), Map.of("x-forwarded-client-cert", "Cert=\"a\""))
                    .toByteArray()))
        .add('l', "private", Bytes.copyOf(Svids.value(Svids.mobile("both", "ab".repeat(32)))))
        .add('l', "prototype", Svids.prototype(true))
        .add('d', "yes", "{\"verification_result\":true,\"verification_status\":\"TRUE\"}")
        .add('d', "unknown", "{\"verification_result\":null,\"verification_status\":\"UNKNOWN\"}")
        .all();
  }

  private static void certificate(byte[] in) throws MalformedStructureException {
    String text = Bytes.copyOf(in).toText();
    X509Certificate read = PresentedCertificate.parse(text);
    check(read != null, "a certificate");
    check(text.split("BEGIN(%20|\\s|%)", -1).length <= 2, "one certificate");
  }

  private static void header(byte[] in) throws MalformedStructureException {
    Optional<String> found = ForwardedCertificate.parse(Bytes.copyOf(in).toText());
    check(found.isEmpty() || !found.get().isEmpty(), "no empty certificate");
  }

  private static void request(byte[] in) throws InvalidProtocolBufferException {
    CheckRequest request = CheckRequest.parseFrom(in);
    for (ReadCheckProcessor.Source source : ReadCheckProcessor.Source.values()) {
      GateRequest read = new ReadCheckProcessor(source, METERS).read(request.getAttributes());
      check(
          source != ReadCheckProcessor.Source.PEER
              || read.certificate().isEmpty()
              || read.certificate()
                  .get()
                  .equals(request.getAttributes().getSource().getCertificate()),
          "nothing but the peer's certificate");
    }
  }

  private static void answer(byte[] in) {
    DeviceAnswer read = ReadDeviceAnswerProcessor.read(200, "", Bytes.copyOf(in));
    check(
        read != DeviceAnswer.CONFIRMED || Bytes.copyOf(in).toText().contains("true"),
        "only a yes is one");
  }
}
