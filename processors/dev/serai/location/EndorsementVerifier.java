package dev.serai.location;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.Signature;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * Believes an endorsement, or says why not: signed by a known key of its time, over this nonce, not
 * too old, of this device. Nothing in it is read before its signature holds.
 */
public final class EndorsementVerifier {
  private static final Duration CLOCKS_DIFFER = Duration.ofSeconds(30);

  private EndorsementVerifier() {}

  /**
   * What an endorsement has to say.
   *
   * @param maxAge how old the operator's answer may be
   * @param deviceIdHash of the device, where the relying side can compute it
   */
  public record Expected(String nonce, Duration maxAge, Optional<String> deviceIdHash) {}

  /** The outcome. */
  public sealed interface Judgement {}

  /** It holds. */
  public record Believed(Endorsement endorsement) implements Judgement {}

  /** It does not. */
  public record Refuted(Reason reason) implements Judgement {}

  public static Judgement verify(
      SignedEndorsement signed, EndorsementKeySet keys, Expected expected, Instant now) {
    Optional<EndorsementKeySet.Key> key = keys.find(signed.keyId());
    if (key.isEmpty()) {
      return refuted(ReasonCode.ENDORSEMENT_KEY_UNKNOWN, "the key is in no set that is trusted");
    }
    if (!isSigned(signed, key.get().key())) {
      return refuted(ReasonCode.ENDORSEMENT_SIGNATURE_INVALID, "not signed by the key it names");
    }
    Endorsement endorsement;
    try {
      endorsement = Endorsement.parse(signed.text());
    } catch (MalformedStructureException e) {
      return refuted(ReasonCode.ENDORSEMENT_MALFORMED, e.getMessage());
    }
    Instant at = endorsement.at();
    if (at.isBefore(key.get().validFrom().minus(CLOCKS_DIFFER))
        || at.isAfter(key.get().validUntil())) {
      return refuted(ReasonCode.ENDORSEMENT_KEY_UNKNOWN, "not of the time of the key it names");
    }
    if (!Bytes.ofText(endorsement.nonce()).equalsConstantTime(Bytes.ofText(expected.nonce()))) {
      return refuted(ReasonCode.ENDORSEMENT_NONCE_MISMATCH, "answers another request");
    }
    if (at.isAfter(now.plus(CLOCKS_DIFFER))) {
      return refuted(ReasonCode.ENDORSEMENT_STALE, "from the future");
    }
    if (at.isBefore(now.minus(expected.maxAge()))) {
      return refuted(
          ReasonCode.ENDORSEMENT_STALE,
          "the operator answered before " + now.minus(expected.maxAge()));
    }
    if (!endorsement.bindingValid()
        || expected.deviceIdHash().filter(h -> !h.equals(endorsement.deviceIdHash())).isPresent()) {
      return refuted(
          ReasonCode.ENDORSEMENT_OF_OTHER_DEVICE, "IMEI and IMSI are not those asked for");
    }
    return new Believed(endorsement);
  }

  private static boolean isSigned(SignedEndorsement signed, PublicKey key) {
    try {
      Signature check = Signature.getInstance("Ed25519");
      check.initVerify(key);
      check.update(signed.text().toArray());
      return check.verify(signed.signature().toArray());
    } catch (GeneralSecurityException e) { // a signature that is none
      return false;
    }
  }

  private static Refuted refuted(ReasonCode code, String detail) {
    return new Refuted(new Reason(code, detail));
  }
}
