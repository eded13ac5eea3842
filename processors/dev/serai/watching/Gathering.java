package dev.serai.watching;

import dev.serai.appraisal.AppraisalRequest;
import dev.serai.appraisal.ChallengeStanding;
import dev.serai.appraisal.DelegatedEvidence;
import dev.serai.appraisal.DelegatedEvidence.Located;
import dev.serai.appraisal.PcrExtend;
import dev.serai.keylime.GeolocationAnswer;
import dev.serai.keylime.QuoteString;
import dev.serai.location.LocationDocument;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.PcrBlob;
import dev.serai.tpm.wire.PcrSelection;
import java.util.Collections;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;

/**
 * Evidence whose caller left the quote to us, on its way through route {@code gather-evidence}. Its
 * nonce is ours, unused before, and used up.
 *
 * @param selection what the policy looks at
 * @param quotes the first, and the one after PCR 15 was extended
 * @param location what the agent said between them
 */
record Gathering(
    DelegatedEvidence evidence,
    PcrSelection selection,
    Optional<String> first,
    Optional<Told> location,
    Optional<String> second) {
  /** Exchange variable. */
  static final String VARIABLE = "gathering";

  /** A location, and the agent's words that PCR 15 was extended with. */
  record Told(LocationDocument document, GeolocationAnswer answer) {}

  Gathering {
    Objects.requireNonNull(evidence);
    Objects.requireNonNull(selection);
    Objects.requireNonNull(first);
    Objects.requireNonNull(location);
    Objects.requireNonNull(second);
  }

  Gathering(DelegatedEvidence evidence, PcrSelection selection) {
    this(evidence, selection, Optional.empty(), Optional.empty(), Optional.empty());
  }

  Gathering withQuote(String quote) {
    return first.isEmpty()
        ? new Gathering(evidence, selection, Optional.of(quote), location, second)
        : new Gathering(evidence, selection, first, location, Optional.of(quote));
  }

  Gathering withLocation(Told told) {
    return new Gathering(evidence, selection, first, Optional.of(told), second);
  }

  /** In the bank in which agents extend PCR 15 with their location. */
  boolean coversLocation() {
    return selection.pcrs().keySet().equals(Collections.singleton(TpmHash.SHA256));
  }

  /** With PCR 15, where a location can be in it. */
  PcrSelection asked() {
    return coversLocation() ? selection.and(GeolocationAnswer.PCR) : selection;
  }

  AppraisalRequest request() throws MalformedStructureException {
    String quote = second.or(() -> first).orElseThrow();
    Optional<Located> located = Optional.empty();
    if (second.isPresent() && location.isPresent()) {
      Told told = location.get();
      located =
          Optional.of(
              new Located(
                  told.document(),
                  new PcrExtend(pcr15(first.orElseThrow()), told.answer().digest())));
    }
    return evidence.withQuote(quote).request(ChallengeStanding.FRESH, selection, located);
  }

  /** As claimed: that the later quote's value came from this one is what is judged. */
  private static Bytes pcr15(String quote) throws MalformedStructureException {
    SortedMap<Integer, Bytes> values =
        PcrBlob.parse(QuoteString.parse(quote).pcrBlob())
            .byIndex()
            .getOrDefault(TpmHash.SHA256, Collections.emptySortedMap());
    Bytes value = values.get(GeolocationAnswer.PCR);
    if (value == null) {
      throw new MalformedStructureException("quote", "PCR 15 is not in it");
    }
    return value;
  }

  /** Neither evidence nor place. */
  @Override
  public String toString() {
    return "Gathering[" + evidence.nodeId() + "]";
  }
}
