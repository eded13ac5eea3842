package dev.serai.gate;

import dev.serai.claims.Claims;
import dev.serai.claims.Claims.Geolocation;
import dev.serai.claims.ClaimsExtension;
import dev.serai.gate.GateCase.Step;
import dev.serai.location.Assurance;
import dev.serai.location.DeviceAnswer;
import dev.serai.location.DeviceQuestion;
import dev.serai.net.MaterialSource;
import dev.serai.net.X509Material;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.SpiffeId;
import dev.serai.tpm.wire.MalformedStructureException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;

/** The cores of the steps of {@code decide-gate}: an open case in, a new one out. */
final class GateSteps {
  private final LeafVerifier leaves;
  private final MaterialSource identity;
  private final DeviceAnswers answers;
  private final InstantSource clock;

  GateSteps(
      LeafVerifier leaves, MaterialSource identity, DeviceAnswers answers, InstantSource clock) {
    this.leaves = leaves;
    this.identity = identity;
    this.answers = answers;
    this.clock = clock;
  }

  /**
   * The one certificate that counts.
   *
   * @throws RefusalException GATE_UNAVAILABLE while there is no bundle to validate it with
   */
  GateCase validateLeaf(GateCase open) {
    Optional<String> shown = open.request().certificate();
    if (shown.isEmpty()) {
      return open.closed(ReasonCode.GATE_NO_CERTIFICATE, "the peer showed no certificate");
    }
    X509Certificate leaf;
    try {
      leaf = PresentedCertificate.parse(shown.get());
    } catch (MalformedStructureException e) {
      return open.closed(ReasonCode.GATE_CERTIFICATE_INVALID, e.getMessage());
    }
    X509Material material =
        identity
            .current()
            .orElseThrow(
                () ->
                    new RefusalException(
                        ReasonCode.GATE_UNAVAILABLE, "there is no trust bundle here yet"));
    try {
      SpiffeId id = leaves.verify(leaf, material);
      return open.passed(Step.LEAF, facts -> facts.withLeaf(leaf, id));
    } catch (CertificateException e) {
      return open.closed(ReasonCode.GATE_CERTIFICATE_INVALID, e.getMessage());
    }
  }

  /** What the issuer says of its place. Anything else that an SVID says opens no gate. */
  GateCase readClaims(GateCase open) {
    Optional<Claims> claims;
    try {
      claims = ClaimsExtension.read(open.leaf());
    } catch (RefusalException e) {
      return open.closed(ReasonCode.GATE_CLAIM_MISSING, e.reason().toString());
    }
    Optional<Geolocation> location = claims.flatMap(Claims::geolocation);
    if (location.isEmpty()) {
      return open.closed(
          ReasonCode.GATE_CLAIM_MISSING,
          claims.isEmpty() ? "the SVID has no claims" : "its claims name no location");
    }
    Instant now = clock.instant();
    if (location.get().validUntil().filter(end -> !now.isBefore(end)).isPresent()) {
      return open.closed(
          ReasonCode.GATE_CLAIM_EXPIRED, "valid until " + location.get().validUntil().get());
    }
    Optional<String> region = location.get().region();
    if (!open.policy().regions().isEmpty()
        && region.filter(open.policy().regions()::contains).isEmpty()) {
      return open.closed(
          ReasonCode.GATE_REGION_NOT_ALLOWED, region.orElse("the claim names no region"));
    }
    return open.withEndorsement(claims.flatMap(Claims::mnoEndorsement))
        .passed(Step.CLAIMS, facts -> facts.withLocation(location.get()));
  }

  /** What was answered a moment ago, where the mode lets that do. */
  GateCase recallDevice(GateCase open) {
    if (open.policy().mode() != GateMode.RUNTIME || !open.isDeviceToAsk()) {
      return open;
    }
    return answers.find(question(open.location())).map(open::answered).orElse(open);
  }

  /** What the sensor service is asked about this claim. */
  static DeviceQuestion question(Geolocation claim) {
    Optional<Claims.Sensor> sensor = claim.sensor();
    return new DeviceQuestion(
        claim.type(),
        claim.device(),
        sensor.map(Claims.Sensor::sensorId),
        sensor.flatMap(Claims.Sensor::imei),
        sensor.flatMap(Claims.Sensor::imsi),
        sensor.flatMap(Claims.Sensor::serialNumber),
        false);
  }

  /** After the sensor service was asked, or need not be. */
  GateCase judgeDevice(GateCase open) {
    if (open.isDeviceToAsk()) {
      throw new IllegalStateException("the sensor service was not asked");
    }
    DeviceAnswer answer = open.device().orElse(null);
    if (answer == DeviceAnswer.DENIED) {
      return open.closed(ReasonCode.GATE_LOCATION_DENIED, "the sensor service said no");
    }
    if (answer == DeviceAnswer.UNKNOWN) {
      return open.closed(ReasonCode.GATE_LOCATION_UNKNOWN, "the operator does not know");
    }
    return open.passed(Step.DEVICE, facts -> facts);
  }

  /** Whether it is known well enough where the workload is. */
  GateCase checkAssurance(GateCase open) {
    Assurance found = assurance(open);
    Assurance wanted = open.policy().minimumAssurance();
    if (!found.meets(wanted)) {
      return open.closed(
          ReasonCode.GATE_ASSURANCE_TOO_LOW, "%s, wanted %s".formatted(found, wanted));
    }
    return open.passed(Step.ASSURANCE, facts -> facts.withAssurance(found));
  }

  /** The claim's own, raised by what the operator said just now. */
  private static Assurance assurance(GateCase open) {
    Assurance claimed = open.location().assurance().orElseGet(() -> ofPrototype(open));
    boolean confirmed = open.device().filter(DeviceAnswer.CONFIRMED::equals).isPresent();
    if (!confirmed || claimed.meets(Assurance.OPERATOR_VERIFIED)) {
      return claimed;
    }
    return claimed == Assurance.GNSS ? Assurance.BOTH : Assurance.OPERATOR_VERIFIED;
  }

  /** The prototype's claims have no word for it. */
  private static Assurance ofPrototype(GateCase open) {
    if (open.location().type().equals("gnss")) {
      return Assurance.GNSS;
    }
    return open.endorsement().filter(Claims.MnoEndorsement::verified).isPresent()
        ? Assurance.OPERATOR_VERIFIED
        : Assurance.CLAIMED;
  }
}
