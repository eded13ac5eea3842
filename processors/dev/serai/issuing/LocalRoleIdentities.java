package dev.serai.issuing;

import dev.serai.audit.Audit;
import dev.serai.audit.AuditKind;
import dev.serai.net.MaterialHolder;
import dev.serai.net.MaterialSource;
import dev.serai.net.RoleIdentities;
import dev.serai.net.X509Material;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.Bytes;
import io.micrometer.core.instrument.MeterRegistry;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Identities for the roles that share the issuer's process, signed by the active authority. Keys
 * live in memory only; each renewal has a new one.
 */
final class LocalRoleIdentities implements RoleIdentities {
  /** The issuer's own name, by which stock agents know it. */
  static final String ISSUER_ROLE = "issuer";

  private final TrustDomain trustDomain;
  private final Authority authority;
  private final SvidMinter minter;
  private final Audit audit;
  private final Duration life;
  private final InstantSource clock;
  private final MeterRegistry meters;
  private final Map<SpiffeId, Held> held = new ConcurrentHashMap<>();

  private static final class Held {
    private final MaterialHolder holder = new MaterialHolder();
    private Instant madeAt = Instant.EPOCH;
    private Instant renewAt = Instant.MIN;
    private long bundle;
    private String signedBy = "";
  }

  LocalRoleIdentities(
      TrustDomain trustDomain,
      Authority authority,
      SvidMinter minter,
      Audit audit,
      Duration life,
      InstantSource clock,
      MeterRegistry meters) {
    this.trustDomain = trustDomain;
    this.authority = authority;
    this.minter = minter;
    this.audit = audit;
    this.life = life;
    this.clock = clock;
    this.meters = meters;
  }

  @Override
  public MaterialSource forRole(String role) {
    SpiffeId id =
        trustDomain.withPath(role.equals(ISSUER_ROLE) ? "/spire/server" : "/serai/" + role);
    Held one = held.computeIfAbsent(id, i -> new Held());
    renew(id, one);
    return one.holder;
  }

  /** Those that were asked for so far. */
  List<X509Material> all() {
    return held.values().stream().flatMap(one -> one.holder.current().stream()).toList();
  }

  /** Renews what is past half of its life, or was made under another authority or bundle. */
  void renewDue() {
    held.forEach(this::renew);
  }

  private void renew(SpiffeId id, Held one) {
    synchronized (one) {
      Authority.Active active = authority.active();
      TrustBundle bundle = authority.bundle();
      Instant now = clock.instant();
      if (now.isBefore(one.renewAt)
          && !now.isBefore(one.madeAt) // else the clock was set back, and it is not valid yet
          && one.bundle == bundle.sequence()
          && one.signedBy.equals(active.id())) {
        return;
      }
      KeyPair pair = newKey();
      SvidMinter.Svid svid =
          minter.mint(id, List.of(), Bytes.copyOf(pair.getPublic().getEncoded()), life);
      audit.append(svid.event(AuditKind.ROLE_SVID_ISSUED));
      one.madeAt = now;
      one.renewAt = now.plus(Duration.between(now, svid.notAfter()).dividedBy(2));
      one.bundle = bundle.sequence();
      one.signedBy = active.id();
      one.holder.set(
          new X509Material(
              List.of(Certificates.decode(svid.certificate())),
              pair.getPrivate(),
              bundle.certificates()));
      IssuerMeters.issued(meters, "role").increment();
    }
  }

  private static KeyPair newKey() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no P-256", e);
    }
  }
}
