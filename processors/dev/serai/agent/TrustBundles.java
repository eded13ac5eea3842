package dev.serai.agent;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.keylime.KeylimeJson;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The authorities of the trust domain, as far as this agent knows them. It begins with the file an
 * operator (or an issuer in the same process) put; from then on it holds what the issuer last said.
 * A file that changed afterwards is newer word and counts again, so an agent of a rebuilt issuer is
 * mended by a file.
 */
final class TrustBundles {
  private static final Logger LOG = LoggerFactory.getLogger(TrustBundles.class);
  private static final String FILE = "bundle.json";
  private static final int LIMIT = 1 << 20;

  private final AgentFiles files;
  private final Path given;
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private List<X509Certificate> authorities = List.of();
  private String givenDigest = "";

  private record Kept(
      @JsonProperty("given_sha256") String given, @JsonProperty("authorities") String pem) {}

  TrustBundles(AgentFiles files, Path given) {
    this.files = files;
    this.given = given;
    readKept();
    refresh();
  }

  /** Empty while there is none. */
  synchronized List<X509Certificate> authorities() {
    return authorities;
  }

  /** Runs after every change. */
  Runnable onChange(Runnable listener) {
    listeners.add(listener);
    return () -> listeners.remove(listener);
  }

  private void readKept() {
    try {
      Optional<String> text = files.read(FILE);
      if (text.isPresent()) {
        Kept kept = KeylimeJson.read(Bytes.ofText(text.get()), LIMIT, Kept.class);
        authorities = List.copyOf(Pem.certificates(kept.pem()));
        givenDigest = kept.given();
      }
    } catch (MalformedStructureException | CertificateException e) {
      LOG.warn("the kept trust bundle cannot be read and is not used: {}", e.getMessage());
    }
  }

  /** Looks whether the given file is there and new. */
  void refresh() {
    boolean changed = false;
    synchronized (this) {
      try {
        Optional<String> text = AgentFiles.readFile(given);
        if (text.isPresent() && !digest(text.get()).equals(givenDigest)) {
          List<X509Certificate> read = Pem.certificates(text.get());
          if (!read.isEmpty()) {
            givenDigest = digest(text.get());
            changed = !sameSet(read, authorities);
            authorities = List.copyOf(read);
          }
        }
      } catch (CertificateException | UncheckedIOException e) {
        LOG.warn("the trust bundle {} cannot be read: {}", given, e.getMessage());
      }
    }
    if (changed) {
      tell();
    }
  }

  /** What the issuer says they are; on disk before it is used. */
  void learn(List<X509Certificate> said) {
    synchronized (this) {
      if (said.isEmpty() || sameSet(said, authorities) && files.read(FILE).isPresent()) {
        return;
      }
      files.write(FILE, KeylimeJson.write(new Kept(givenDigest, Pem.certificates(said))).toText());
      if (sameSet(said, authorities)) {
        return;
      }
      authorities = List.copyOf(said);
    }
    tell();
  }

  private void tell() {
    LOG.info("the trust bundle has {} authorities now", authorities().size());
    listeners.forEach(Runnable::run);
  }

  private static boolean sameSet(List<X509Certificate> one, List<X509Certificate> other) {
    return new HashSet<>(one).equals(new HashSet<>(other));
  }

  private static String digest(String text) {
    var sha256 = TpmHash.SHA256.newDigest();
    Bytes.ofText(text).writeTo(sha256);
    return Bytes.copyOf(sha256.digest()).toHex();
  }
}
