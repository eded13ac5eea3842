package dev.serai.issuing;

import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.issuing.Certificates.Leaf;
import dev.serai.spiffe.SpiffeId;
import dev.serai.tpm.Bytes;
import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.List;

/**
 * Signs X509-SVIDs with the active authority. Whether the caller may have one is decided before.
 */
public final class SvidMinter {
  private static final Duration BACKDATE = Duration.ofSeconds(10);

  private final Authority authority;
  private final InstantSource clock;

  SvidMinter(Authority authority, InstantSource clock) {
    this.authority = authority;
    this.clock = clock;
  }

  /**
   * A signed document.
   *
   * @param certificate DER; the whole chain, as the authority above it is in the bundle
   */
  public record Svid(SpiffeId id, Bytes certificate, BigInteger serial, Instant notAfter) {
    /** For the record that has to be on disk before anybody gets the document. */
    AuditEvent event(AuditKind kind) {
      return AuditEvent.of(kind, id.toString())
          .with("serial", serial.toString(16))
          .with("notAfter", notAfter.toString());
    }
  }

  /**
   * Lives as long as asked, but never longer than the authority.
   *
   * @throws dev.serai.reason.RefusalException AUTHORITY_UNAVAILABLE
   */
  Svid mint(SpiffeId id, List<String> dnsNames, Bytes publicKeyInfo, Duration life) {
    return mint(id, dnsNames, publicKeyInfo, life, LeafClaims.NONE);
  }

  /** The same with claims; and no longer than what they claim is good for. */
  Svid mint(
      SpiffeId id, List<String> dnsNames, Bytes publicKeyInfo, Duration life, LeafClaims claims) {
    Authority.Active active = authority.active();
    Instant now = clock.instant();
    Instant asked = now.plus(life);
    Instant wanted =
        claims.until().filter(asked::isAfter).orElse(asked).truncatedTo(ChronoUnit.SECONDS);
    Instant notAfter = wanted.isBefore(active.notAfter()) ? wanted : active.notAfter();
    BigInteger serial = Certificates.newSerial();
    Bytes certificate =
        Certificates.leaf(
            active.issuer(),
            new Leaf(
                serial,
                id,
                dnsNames,
                publicKeyInfo,
                now.minus(BACKDATE).truncatedTo(ChronoUnit.SECONDS),
                notAfter,
                claims.extension()));
    return new Svid(id, certificate, serial, notAfter);
  }
}
