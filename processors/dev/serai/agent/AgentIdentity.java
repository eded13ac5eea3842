package dev.serai.agent;

import dev.serai.net.MaterialHolder;
import dev.serai.net.MaterialSource;
import dev.serai.net.X509Material;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.spiffe.X509SvidProfile;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The agent's own SVID. The chain is in its file before it is used; the key is in the TPM, so a
 * copy of the file is worth nothing. After a power failure an older one may be there: a machine
 * that has booted has to prove itself anyhow.
 */
final class AgentIdentity {
  private static final Logger LOG = LoggerFactory.getLogger(AgentIdentity.class);
  private static final String FILE = "agent-svid.pem";

  private final AgentFiles files;
  private final TrustBundles bundles;
  private final TrustDomain trustDomain;
  private final Function<AppKey, PrivateKey> keyInTpm;
  private final MaterialHolder holder = new MaterialHolder();
  private final AtomicLong generation = new AtomicLong();
  private Optional<Current> current = Optional.empty();

  private record Current(List<X509Certificate> chain, PrivateKey key) {}

  /** keyInTpm: the App Key as TLS wants it. */
  AgentIdentity(
      AgentFiles files,
      TrustBundles bundles,
      TrustDomain trustDomain,
      Function<AppKey, PrivateKey> keyInTpm) {
    this.files = files;
    this.bundles = bundles;
    this.trustDomain = trustDomain;
    this.keyInTpm = keyInTpm;
    bundles.onChange(this::show);
  }

  /** What connections to the issuer are made with. */
  MaterialSource source() {
    return holder;
  }

  /** Changes with every SVID: what is said of an older one says nothing of the present one. */
  long generation() {
    return generation.get();
  }

  /** Whether there is an SVID to call the issuer with. */
  synchronized boolean isThere() {
    return current.isPresent();
  }

  /** The SVID kept for this key, if it is still good. */
  synchronized Optional<SvidFacts> recall(AppKey key, Instant now) {
    Optional<String> text = files.read(FILE);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    try {
      List<X509Certificate> chain = Pem.certificates(text.get());
      SvidFacts facts = facts(chain, key);
      if (facts.expired(now)) {
        return Optional.empty();
      }
      current = Optional.of(new Current(chain, keyInTpm.apply(key)));
      generation.incrementAndGet();
      show();
      return Optional.of(facts);
    } catch (CertificateException | RefusalException e) {
      LOG.info("the kept agent SVID is not used: {}", e.getMessage());
      return Optional.empty();
    }
  }

  /** A new SVID for this key. */
  synchronized SvidFacts accept(List<X509Certificate> chain, AppKey key) {
    SvidFacts facts = facts(chain, key);
    files.replace(FILE, Pem.certificates(chain));
    current = Optional.of(new Current(chain, keyInTpm.apply(key)));
    generation.incrementAndGet();
    show();
    return facts;
  }

  /** The issuer no longer takes it. */
  synchronized void forget() {
    files.delete(FILE);
    current = Optional.empty();
    generation.incrementAndGet();
    holder.clear();
  }

  private synchronized void show() {
    List<X509Certificate> authorities = bundles.authorities();
    if (current.isPresent() && !authorities.isEmpty()) {
      holder.set(new X509Material(current.get().chain(), current.get().key(), authorities));
    }
  }

  private SvidFacts facts(List<X509Certificate> chain, AppKey key) {
    if (chain.isEmpty()) {
      throw refused("it has no certificate");
    }
    X509Certificate leaf = chain.get(0);
    List<String> violations = X509SvidProfile.leafViolations(leaf);
    if (!violations.isEmpty()) {
      throw refused(String.join("; ", violations));
    }
    SpiffeId id = X509SvidProfile.idOf(leaf).orElseThrow();
    if (!id.isMemberOf(trustDomain) || !id.isAgent()) {
      throw refused("its id is " + id);
    }
    if (!java.util.Arrays.equals(
        leaf.getPublicKey().getEncoded(), key.publicArea().publicKey().getEncoded())) {
      throw refused("it is for another key than the App Key");
    }
    Instant notBefore = leaf.getNotBefore().toInstant();
    Instant notAfter = leaf.getNotAfter().toInstant();
    if (!notBefore.isBefore(notAfter)) {
      throw refused("it is never valid");
    }
    return new SvidFacts(id.toString(), notBefore, notAfter);
  }

  private static RefusalException refused(String why) {
    return new RefusalException(ReasonCode.INTERNAL_ERROR, "not usable as agent SVID: " + why);
  }
}
