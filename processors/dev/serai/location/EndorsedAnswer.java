package dev.serai.location;

import dev.serai.keylime.KeylimeJson;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.time.Instant;
import java.util.Optional;

/**
 * Whether the operator's yes in an answer is what the sensor role signed for this very question.
 * The role's identity stands for its keys; the signature, the nonce and the area show that the yes
 * is of now, of this question, and that what goes into claims as verified was verified. Pure.
 */
public final class EndorsedAnswer {
  private static final int SIGNATURE = 64;

  /** Kept answers may be about a place as far away as this. */
  private static final double SAME_PLACE_METRES = 25;

  private EndorsedAnswer() {}

  /** Why its yes does not count; empty when it does, and when it says no yes. */
  public static Optional<Reason> refutation(
      SensorQuestion question, SensorAnswer answer, Instant now) {
    if (answer.operator().filter(SensorAnswer.Word.TRUE::equals).isEmpty()) {
      return Optional.empty();
    }
    if (question.area().isEmpty()) {
      return refuted(ReasonCode.ENDORSEMENT_OF_OTHER_DEVICE, "the operator was not to be asked");
    }
    if (answer.endorsement().isEmpty() || answer.keys().isEmpty()) {
      return refuted(ReasonCode.ENDORSEMENT_SIGNATURE_INVALID, "the operator's yes is not signed");
    }
    SignedWord word = answer.endorsement().get();
    EndorsementVerifier.Judgement judgement;
    try {
      judgement =
          EndorsementVerifier.verify(
              new SignedEndorsement(
                  Bytes.ofText(word.json()),
                  KeylimeJson.base64("signature", word.signature(), SIGNATURE),
                  word.keyId()),
              EndorsementKeySet.parse(Bytes.ofText(answer.keys().get())),
              new EndorsementVerifier.Expected(
                  question.nonce(),
                  question.maxAge().plus(LocationJudge.CLOCK_SKEW),
                  Optional.empty()),
              now);
    } catch (MalformedStructureException e) {
      return refuted(ReasonCode.ENDORSEMENT_MALFORMED, e.getMessage());
    }
    if (judgement instanceof EndorsementVerifier.Believed believed) {
      return isOf(believed.endorsement(), question.area().get())
          ? Optional.empty()
          : refuted(ReasonCode.ENDORSEMENT_OF_OTHER_DEVICE, "it is about another area");
    }
    return Optional.of(((EndorsementVerifier.Refuted) judgement).reason());
  }

  /** The operator may want a larger circle, never another one. */
  private static boolean isOf(Endorsement endorsement, Region.Circle area) {
    GeoPoint center;
    try {
      center = new GeoPoint(endorsement.latitude(), endorsement.longitude());
    } catch (IllegalArgumentException e) { // no place of the Earth
      return false;
    }
    return center.distanceTo(area.center()) <= SAME_PLACE_METRES;
  }

  private static Optional<Reason> refuted(ReasonCode code, String detail) {
    return Optional.of(new Reason(code, detail));
  }
}
