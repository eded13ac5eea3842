package dev.serai.sensor;

import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.camara.Area;
import dev.serai.camara.OperatorVerdict;
import dev.serai.location.Endorsement;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Signs what the operator confirmed, and nothing else: TRUE, for a registered pair of IMEI and
 * IMSI, over the area that was asked about and the time of the answer.
 */
final class Endorsing {
  private static final String NO_CELL = "";

  private final EndorsementKeys keys;
  private final RegistryKey registry;
  private final boolean hashWithKey;
  private final Audit audit;

  Endorsing(EndorsementKeys keys, RegistryKey registry, boolean hashWithKey, Audit audit) {
    this.keys = keys;
    this.registry = registry;
    this.hashWithKey = hashWithKey;
    this.audit = audit;
  }

  LocationCheck check(EndorsementRequest request) {
    return new LocationCheck(
        new SensorIds(
            Optional.empty(),
            Optional.of(request.imei()),
            Optional.of(request.imsi()),
            Optional.empty(),
            Optional.empty()),
        Optional.empty(),
        request.area(),
        false,
        Optional.empty());
  }

  /**
   * @throws RefusalException LOCATION_NOT_CONFIRMED or LOCATION_UNDECIDED
   */
  SignedLocation sign(EndorsementRequest request, CheckedLocation checked) {
    OperatorVerdict verdict = checked.answer().verdict();
    if (verdict.isFalse()) {
      throw new RefusalException(
          ReasonCode.LOCATION_NOT_CONFIRMED, "the operator has the device outside of the area");
    }
    if (!verdict.isTrue()) {
      throw new RefusalException(
          ReasonCode.LOCATION_UNDECIDED, "the operator says " + verdict.result());
    }
    Device device =
        checked
            .device()
            .filter(
                d ->
                    d.imei().equals(Optional.of(request.imei()))
                        && d.imsi().equals(Optional.of(request.imsi())))
            .orElseThrow(
                () ->
                    new RefusalException(
                        ReasonCode.SENSOR_UNBOUND, "IMEI and IMSI are not registered together"));
    Area area = checked.answer().question().area();
    Endorsement endorsement =
        new Endorsement(
            NO_CELL,
            hash(request),
            true,
            area.latitude(),
            area.longitude(),
            area.radius(),
            checked.answer().at(),
            request.nonce());
    EndorsementKeys.Signed signed = keys.sign(endorsement.signedBytes(), endorsement.at());
    audit.append(
        AuditEvent.of(AuditKind.LOCATION_ENDORSED, device.id()).with("key", signed.keyId()));
    return new SignedLocation(endorsement, signed.signature(), signed.keyId());
  }

  /** The document of the keys that sign. */
  Bytes keys() {
    return keys.published().json();
  }

  private String hash(EndorsementRequest request) {
    if (hashWithKey) {
      return registry.deviceHash(request.imei(), request.imsi());
    }
    String text = request.imei() + "||" + request.imsi(); // the bars are part of it
    return AuditEvent.sha256(text.getBytes(StandardCharsets.UTF_8));
  }

  static Bytes answer(SignedLocation signed) {
    return Bytes.ofText(
        Endorsement.answer(signed.endorsement(), signed.signature(), signed.keyId()));
  }
}
