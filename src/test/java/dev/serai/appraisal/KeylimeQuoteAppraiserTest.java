package dev.serai.appraisal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.keylime.QuoteString;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.TpmClock;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrSelection;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Continuous appraisal of a pulled quote. */
class KeylimeQuoteAppraiserTest {
  private static final String NONCE = "Zb3kkq09sdfLKJ12nmQa";

  private static String quote(Evidence evidence) {
    SignedStatement quote = evidence.quote();
    return new QuoteString(quote.attest(), quote.signature(), evidence.blob()).encode();
  }

  private static Evidence evidence(Consumer<Evidence> change) {
    Evidence evidence = Evidence.p256();
    evidence.quotedNonce = Bytes.ofText(NONCE);
    change.accept(evidence);
    return evidence;
  }

  private static Verdict judge(Consumer<Evidence> change) {
    Evidence evidence = evidence(change);
    return judge(evidence, quote(evidence), Map.of());
  }

  private static Verdict judge(Evidence evidence, String quote, Map<Integer, Bytes> bound) {
    return new KeylimeQuoteAppraiser(Signatures.fastest(), Optional.of(evidence.policy))
        .appraise(
            evidence.node(),
            new KeylimeQuoteAppraiser.Challenge(NONCE, evidence.asked, bound),
            quote,
            evidence.before);
  }

  private static void assertRejected(ReasonCode code, Verdict verdict) {
    assertThat(verdict.isTrusted()).isFalse();
    assertThat(verdict.reasons()).extracting(Reason::code).containsExactly(code);
  }

  @Test
  void a_good_quote_is_trusted_without_an_app_key() {
    Trusted trusted = (Trusted) judge(e -> {});
    assertThat(trusted.appKey()).isEmpty();
    assertThat(trusted.nodeId()).isEqualTo(Evidence.NODE);
    assertThat(trusted.baseline().clock()).contains(Evidence.CLOCK);
  }

  @Test
  void a_replayed_quote_is_refused() {
    assertRejected(ReasonCode.NONCE_MISMATCH, judge(e -> e.quotedNonce = Bytes.ofText("another")));
  }

  @Test
  void what_is_no_quote_string_is_refused() {
    for (String text : new String[] {"", "r", "r::", "x" + quote(evidence(e -> {})), "rAA:AA:AA"}) {
      Verdict verdict = judge(evidence(e -> {}), text, Map.of());
      assertThat(verdict.isTrusted()).isFalse();
      assertThat(verdict.reasons().get(0).code())
          .isIn(ReasonCode.EVIDENCE_MALFORMED, ReasonCode.SIGNATURE_INVALID);
    }
  }

  @Test
  void the_standing_of_the_node_counts() {
    assertRejected(ReasonCode.NODE_BANNED, judge(e -> e.nodeStanding = NodeRecord.Standing.BANNED));
    assertRejected(
        ReasonCode.NODE_NOT_ACTIVATED, judge(e -> e.nodeStanding = NodeRecord.Standing.REGISTERED));
  }

  @Test
  void a_changed_pcr_a_clock_that_went_back_and_a_stranger_are_refused() {
    Baseline before = ((Trusted) judge(e -> {})).baseline();
    assertRejected(
        ReasonCode.PCR_VALUE_NOT_ALLOWED,
        judge(
            e -> {
              e.before = before;
              e.pcrs.put(7, Evidence.value(1));
            }));
    assertRejected(
        ReasonCode.CLOCK_WENT_BACK,
        judge(
            e -> {
              e.before = before;
              e.clock = new TpmClock(39_999, 5, 1, true);
            }));
    assertRejected(
        ReasonCode.SIGNATURE_INVALID, judge(e -> e.quoteSigner = SoftwareTpm.OTHER_P256));
  }

  @Test
  void many_small_steps_back_do_not_add_up() {
    Baseline before = ((Trusted) judge(e -> {})).baseline();
    Trusted earlier =
        (Trusted)
            judge(
                e -> {
                  e.before = before;
                  e.clock = new TpmClock(Evidence.CLOCK.clockMillis() - 50_000, 5, 1, true);
                });
    assertThat(earlier.baseline().clock()).contains(Evidence.CLOCK);
    assertRejected(
        ReasonCode.CLOCK_WENT_BACK,
        judge(
            e -> {
              e.before = earlier.baseline();
              e.clock = new TpmClock(Evidence.CLOCK.clockMillis() - 70_000, 5, 1, true);
            }));
  }

  @Test
  void a_reboot_needs_attestation_where_the_policy_says_so() {
    Baseline before = ((Trusted) judge(e -> {})).baseline();
    Consumer<Evidence> rebooted =
        e -> {
          e.before = before;
          e.clock = new TpmClock(200_000, 6, 0, true);
        };
    assertThat(judge(rebooted).isTrusted()).isTrue();
    assertRejected(
        ReasonCode.NODE_REBOOTED,
        judge(
            e -> {
              rebooted.accept(e);
              e.policy =
                  new AppraisalPolicy("strict", e.policy.pcrs(), new ClockPolicy(false, true));
            }));
  }

  @Test
  void a_key_beside_the_quote_counts_only_when_pcr_16_binds_it() {
    Consumer<Evidence> with16 =
        e -> {
          PcrSelection selection = PcrSelection.ofMask(TpmHash.SHA256, 0x100ff);
          e.asked = selection;
          e.quoted = selection;
          e.pcrs = new TreeMap<>(e.pcrs);
          e.pcrs.put(16, Evidence.value(16));
        };
    Evidence evidence = evidence(with16);
    assertThat(judge(evidence, quote(evidence), Map.of(16, Evidence.value(16))).isTrusted())
        .isTrue();
    assertRejected(
        ReasonCode.PCR_VALUE_NOT_ALLOWED,
        judge(evidence, quote(evidence), Map.of(16, Evidence.value(1))));
    Evidence without = evidence(e -> {});
    assertRejected(
        ReasonCode.PCR_VALUE_NOT_ALLOWED,
        judge(without, quote(without), Map.of(16, Evidence.value(16))));
  }

  @Test
  void without_a_policy_nobody_is_trusted() {
    Evidence evidence = evidence(e -> {});
    KeylimeQuoteAppraiser appraiser =
        new KeylimeQuoteAppraiser(Signatures.fastest(), Optional.empty());
    assertThat(appraiser.selection()).isEmpty();
    assertRejected(
        ReasonCode.POLICY_MISSING,
        appraiser.appraise(
            evidence.node(),
            new KeylimeQuoteAppraiser.Challenge(NONCE, evidence.asked),
            quote(evidence),
            Baseline.NONE));
  }
}
