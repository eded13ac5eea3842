package dev.serai.issuing;

import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import java.math.BigInteger;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;

/**
 * The record of an agent that attested. Its certificate is known by serial number in two phases: a
 * new one counts as soon as it is recorded, the one before it until the new one was used.
 *
 * @param appraised what the appraisal proved; empty for a node that was not appraised
 * @param current the certificate in use
 * @param fresh issued, not used yet
 */
public record AttestedNode(
    SpiffeId id,
    String attestationType,
    Optional<Appraised> appraised,
    Certificate current,
    Optional<Certificate> fresh,
    Set<Selector> selectors,
    boolean banned,
    boolean canReattest,
    String agentVersion,
    Instant attestedAt) {

  public AttestedNode {
    selectors = Set.copyOf(selectors);
  }

  /** Proven by the appraisal of its TPM; Names in hex. */
  public record Appraised(String nodeId, String ekName, String akName) {}

  /** A certificate by its serial number. */
  public record Certificate(BigInteger serial, Instant notAfter) {}

  AttestedNode withFresh(Certificate certificate) {
    return new AttestedNode(
        id,
        attestationType,
        appraised,
        current,
        Optional.of(certificate),
        selectors,
        banned,
        canReattest,
        agentVersion,
        attestedAt);
  }

  AttestedNode promoted() {
    return new AttestedNode(
        id,
        attestationType,
        appraised,
        fresh.orElse(current),
        Optional.empty(),
        selectors,
        banned,
        canReattest,
        agentVersion,
        attestedAt);
  }

  AttestedNode withBanned(boolean newBanned) {
    return new AttestedNode(
        id,
        attestationType,
        appraised,
        current,
        fresh,
        selectors,
        newBanned,
        canReattest,
        agentVersion,
        attestedAt);
  }

  AttestedNode withAgentVersion(String version) {
    return new AttestedNode(
        id,
        attestationType,
        appraised,
        current,
        fresh,
        selectors,
        banned,
        canReattest,
        version,
        attestedAt);
  }

  /** The later of its certificates. */
  Certificate latest() {
    return fresh.orElse(current);
  }
}
