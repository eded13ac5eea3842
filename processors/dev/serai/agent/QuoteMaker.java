package dev.serai.agent;

import dev.serai.deadline.Deadline;
import dev.serai.keylime.QuoteString;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Meters;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.PcrBlob;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmsAttest;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Makes quotes whose PCR values belong to them. Reading PCRs and quoting are two commands, and
 * something may be measured in between; so both are repeated until the digests agree.
 */
final class QuoteMaker {
  /** The PCR that binds a quote to the transport key, as Keylime does it. */
  static final int KEY_PCR = 16;

  private static final int TRIES = 5;
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(10);

  private final Tpm tpm;
  private final KeyRef.Attestation ak;
  private final Timer timer;
  private final ReentrantLock turn = new ReentrantLock(true);

  QuoteMaker(Tpm tpm, KeyRef.Attestation ak, MeterRegistry meters) {
    this.tpm = tpm;
    this.ak = ak;
    this.timer = Meters.timer(meters, "serai.quote", "Time to make one quote with its PCR values");
  }

  /** A quote over a selection; nonce becomes its extraData. */
  QuoteString quote(PcrSelection selection, Bytes nonce) {
    return inTurn(() -> timer.record(() -> matching(selection, nonce)));
  }

  /** The same, with PCR 16 of the bank holding the hash of this text and part of the quote. */
  QuoteString quoteBound(TpmHash bank, int mask, Bytes nonce, String boundText) {
    PcrSelection selection = PcrSelection.ofMask(bank, mask | 1 << KEY_PCR);
    return inTurn(
        () ->
            timer.record(
                () -> {
                  bind(bank, boundText);
                  return matching(selection, nonce);
                }));
  }

  /** One quote at a time: what PCR 16 holds belongs to the quote that follows. */
  private QuoteString inTurn(java.util.function.Supplier<QuoteString> work) {
    try {
      if (!turn.tryLock(Deadline.within(LONGEST_WAIT).toMillis(), TimeUnit.MILLISECONDS)) {
        throw new RefusalException(
            ReasonCode.OVERLOADED, "the TPM had no turn for another quote in time");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RefusalException(ReasonCode.OVERLOADED, "the process is stopping", e);
    }
    try {
      return work.get();
    } finally {
      turn.unlock();
    }
  }

  private void bind(TpmHash bank, String text) {
    Bytes digest = hash(bank, Bytes.ofText(text));
    Bytes expected = hash(bank, Bytes.copyOf(new byte[bank.digestLength()]), digest);
    PcrSelection only = PcrSelection.of(bank, KEY_PCR);
    SortedMap<Integer, Bytes> read = tpm.readPcrs(only).get(bank);
    if (read != null && expected.equals(read.get(KEY_PCR))) {
      return; // still bound from the last time
    }
    tpm.resetPcr(KEY_PCR);
    tpm.extendPcr(KEY_PCR, bank, digest);
  }

  private static Bytes hash(TpmHash algorithm, Bytes... parts) {
    var digest = algorithm.newDigest();
    for (Bytes part : parts) {
      part.writeTo(digest);
    }
    return Bytes.copyOf(digest.digest());
  }

  private QuoteString matching(PcrSelection selection, Bytes nonce) {
    for (int i = 0; i < TRIES; i++) {
      Map<TpmHash, SortedMap<Integer, Bytes>> read = tpm.readPcrs(selection);
      requireAll(selection, read);
      PcrBlob values = PcrBlob.of(selection, read);
      Tpm.Attested quote = tpm.quote(ak, selection, nonce);
      if (values.digest(TpmHash.SHA256).equals(quotedDigest(quote))) {
        return new QuoteString(quote.attest(), quote.signature(), values.encoded());
      }
    }
    throw new RefusalException(
        ReasonCode.PCR_DIGEST_MISMATCH,
        "PCRs changed between reading and quoting, %d times in a row".formatted(TRIES));
  }

  private static void requireAll(
      PcrSelection selection, Map<TpmHash, SortedMap<Integer, Bytes>> read) {
    for (Map.Entry<TpmHash, SortedSet<Integer>> bank : selection.pcrs().entrySet()) {
      SortedMap<Integer, Bytes> values = read.get(bank.getKey());
      SortedSet<Integer> missing = new TreeSet<>(bank.getValue());
      if (values != null) {
        missing.removeAll(values.keySet());
      }
      if (!missing.isEmpty()) {
        throw new RefusalException(
            ReasonCode.PCR_SELECTION_MISMATCH,
            "this TPM has no %s:%s".formatted(bank.getKey().bankName(), missing));
      }
    }
  }

  private static Bytes quotedDigest(Tpm.Attested quote) {
    try {
      if (TpmsAttest.parse(quote.attest()).body() instanceof TpmsAttest.Quote body) {
        return body.pcrDigest();
      }
    } catch (MalformedStructureException e) {
      throw new TpmException(
          TpmException.Fault.COMMAND, 0, "TPM2_Quote answered with something else", e);
    }
    throw new TpmException(
        TpmException.Fault.COMMAND, 0, "TPM2_Quote answered with another statement");
  }
}
