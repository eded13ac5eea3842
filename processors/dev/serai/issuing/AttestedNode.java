package dev.serai.issuing;

import dev.serai.claims.Claims;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.tpm.Bytes;
import java.math.BigInteger;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * The record of an agent that attested. Its certificate is known by serial number in two phases: a
 * new one counts as soon as it is recorded, the one before it until the new one was used.
 *
 * @param appraised what the appraisal proved; empty for a node that was not appraised
 * @param current the certificate in use
 * @param fresh issued, not used yet
 * @param earlierKeys of certificates that were fresh until another one was issued, since one was
 *     used: calls may overtake each other, so the node may have kept one of those
 * @param claims what the appraisal proved of it, without a workload; empty likewise
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
    Instant attestedAt,
    List<String> earlierKeys,
    Optional<Claims> claims) {

  /** So many calls of one node may overtake each other. */
  private static final int MOST_EARLIER_KEYS = 8;

  public AttestedNode {
    selectors = Set.copyOf(selectors);
    earlierKeys = List.copyOf(earlierKeys);
    Objects.requireNonNull(claims);
  }

  /** Without claims. */
  public AttestedNode(
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
    this(
        id,
        attestationType,
        appraised,
        current,
        fresh,
        selectors,
        banned,
        canReattest,
        agentVersion,
        attestedAt,
        List.of(),
        Optional.empty());
  }

  /** Proven by the appraisal of its TPM; Names in hex. */
  public record Appraised(String nodeId, String ekName, String akName) {}

  /**
   * A certificate by its serial number.
   *
   * @param key {@link #keyOf} what it is for; empty when that was not recorded
   */
  public record Certificate(BigInteger serial, Instant notAfter, String key) {
    Certificate(BigInteger serial, Instant notAfter) {
      this(serial, notAfter, "");
    }

    static Certificate of(SvidMinter.Svid svid, Bytes publicKeyInfo) {
      return new Certificate(svid.serial(), svid.notAfter(), keyOf(publicKeyInfo));
    }

    /** SHA-256 of a SubjectPublicKeyInfo, hex. */
    static String keyOf(Bytes publicKeyInfo) {
      return Digests.sha256Hex(publicKeyInfo);
    }
  }

  /** Whether this is the key of a certificate that the node may hold. */
  boolean mayHold(String key) {
    return !key.isEmpty()
        && (current.key().equals(key)
            || fresh.filter(f -> f.key().equals(key)).isPresent()
            || earlierKeys.contains(key));
  }

  /** One that it has proven to hold, and is answered with the next certificate. */
  AttestedNode withProven(String key, Certificate next) {
    boolean inUse = fresh.filter(f -> f.key().equals(key)).isPresent();
    return (inUse ? promoted() : this).withFresh(next);
  }

  AttestedNode withFresh(Certificate certificate) {
    List<String> keys = new ArrayList<>(earlierKeys);
    fresh.map(Certificate::key).filter(key -> !key.isEmpty()).ifPresent(keys::add);
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
        attestedAt,
        keys.subList(Math.max(0, keys.size() - MOST_EARLIER_KEYS), keys.size()),
        claims);
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
        attestedAt,
        List.of(),
        claims);
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
        attestedAt,
        earlierKeys,
        claims);
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
        attestedAt,
        earlierKeys,
        claims);
  }

  AttestedNode withClaims(Claims proven) {
    return new AttestedNode(
        id,
        attestationType,
        appraised,
        current,
        fresh,
        selectors,
        banned,
        canReattest,
        agentVersion,
        attestedAt,
        earlierKeys,
        Optional.of(proven));
  }

  /** The later of its certificates. */
  Certificate latest() {
    return fresh.orElse(current);
  }
}
