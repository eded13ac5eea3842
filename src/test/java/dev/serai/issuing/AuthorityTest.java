package dev.serai.issuing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jwt.SignedJWT;
import dev.serai.audit.AuditDatabase;
import dev.serai.reason.RefusalException;
import dev.serai.signing.Signatures;
import dev.serai.spiffe.TrustDomain;
import dev.serai.spiffe.X509SvidProfile;
import dev.serai.store.Database;
import dev.serai.store.SqliteDatabase;
import dev.serai.testing.TestAudit;
import dev.serai.tpm.Bytes;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AuthorityTest {
  private static final TrustDomain DOMAIN = TrustDomain.parse("test.example");
  private static final Duration LIFE = Duration.ofHours(24);

  @TempDir Path directory;
  private final HandClock clock = new HandClock();
  private SqliteDatabase database;

  @BeforeEach
  void open() {
    database = SqliteDatabase.open(directory.resolve("serai.db"));
  }

  @AfterEach
  void close() {
    database.close();
  }

  private Authority authority() {
    return authority(database, keys());
  }

  private KeyFiles keys() {
    return new KeyFiles(directory.resolve("keys"));
  }

  private Authority authority(Database store, KeyFiles keyFiles) {
    return Authority.open(
        DOMAIN,
        store,
        TestAudit.of(database, directory),
        keyFiles,
        Signatures.fastest(),
        new RotationSchedule(LIFE, Duration.ofHours(24)),
        clock);
  }

  private SvidMinter.Svid mint(Authority authority, List<String> dnsNames, Duration life) {
    return new SvidMinter(authority, clock)
        .mint(
            DOMAIN.withPath("/workload"),
            dnsNames,
            Bytes.copyOf(StockAgent.newKey().getPublic().getEncoded()),
            life);
  }

  private static SignedJWT token(Authority authority, InstantSource clock) throws Exception {
    return SignedJWT.parse(
        new JwtSvidMinter(authority, clock)
            .mint(
                DOMAIN.withPath("/workload"),
                List.of("a"),
                clock.instant().plus(Duration.ofHours(1)),
                Optional.empty())
            .token());
  }

  /** By the key of the bundle that the token names. */
  static void verifies(TrustBundle bundle, SignedJWT token) throws Exception {
    List<TrustBundle.JwtKey> named =
        bundle.jwtKeys().stream()
            .filter(key -> key.keyId().equals(token.getHeader().getKeyID()))
            .toList();
    assertThat(named).as("keys in the bundle with the token's kid").hasSize(1);
    ECPublicKey key =
        (ECPublicKey)
            KeyFactory.getInstance("EC")
                .generatePublic(new X509EncodedKeySpec(named.get(0).publicKey().toArray()));
    assertThat(token.verify(new ECDSAVerifier(key))).as("signature").isTrue();
    assertThat(token.getJWTClaimsSet().getExpirationTime().toInstant())
        .isBeforeOrEqualTo(named.get(0).notAfter());
  }

  private void bothSign(Authority authority) throws Exception {
    verifies(authority.bundle(), mint(authority, List.of(), Duration.ofHours(1)));
    verifies(authority.bundle(), token(authority, clock));
  }

  private List<String> keyFileNames() throws Exception {
    try (Stream<Path> files = Files.list(directory.resolve("keys"))) {
      return files.map(f -> f.getFileName().toString()).toList();
    }
  }

  private static void verifies(TrustBundle bundle, SvidMinter.Svid svid) throws Exception {
    X509Certificate leaf = Certificates.decode(svid.certificate());
    long signers =
        bundle.certificates().stream()
            .filter(ca -> ca.getSubjectX500Principal().equals(leaf.getIssuerX500Principal()))
            .peek(
                ca -> {
                  try {
                    leaf.verify(ca.getPublicKey());
                  } catch (Exception e) {
                    throw new AssertionError("signature", e);
                  }
                })
            .count();
    assertThat(signers).as("authorities in the bundle with the leaf's issuer").isEqualTo(1);
  }

  @Test
  void the_first_authorities_are_in_the_bundle_and_sign() throws Exception {
    Authority authority = authority();
    assertThat(authority.bundle().sequence()).isEqualTo(2);
    assertThat(authority.bundle().jwtKeys()).hasSize(1);
    assertThat(authority.bundle().certificates())
        .singleElement()
        .satisfies(ca -> assertThat(X509SvidProfile.authorityViolations(ca)).isEmpty())
        .satisfies(
            ca ->
                assertThat(X509SvidProfile.idOf(ca))
                    .hasToString("Optional[spiffe://test.example]"));
    bothSign(authority);
  }

  @Test
  void their_keys_are_files_for_the_owner_only() throws Exception {
    Authority authority = authority();
    assertThat(keyFileNames())
        .containsExactlyInAnyOrder(
            authority.active().id() + ".p8", authority.activeJwt().keyId() + ".p8");
    Path keys = directory.resolve("keys");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(keys)))
        .isEqualTo("rwx------");
    for (String file : keyFileNames()) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(keys.resolve(file))))
          .isEqualTo("rw-------");
    }
  }

  @Test
  void every_change_of_a_key_is_recorded_with_what_it_signs() throws Exception {
    Authority authority = authority();
    String first = authority.activeJwt().keyId();
    clock.advance(LIFE.dividedBy(2));
    authority.rotate();
    clock.advance(LIFE.dividedBy(3));
    authority.rotate();
    String second = authority.activeJwt().keyId();
    clock.advance(LIFE.multipliedBy(2));
    authority.rotate();
    try (AuditDatabase log = AuditDatabase.open(directory)) {
      var records = log.last(100, Optional.empty(), record -> record.detail().contains("jwt"));
      assertThat(records.stream().map(record -> record.kind() + " " + record.subject()))
          .containsSubsequence(
              "authority.prepared " + first,
              "authority.activated " + first,
              "authority.prepared " + second,
              "authority.retired " + first,
              "authority.activated " + second,
              "authority.dropped " + first);
    }
  }

  @Test
  void a_state_of_a_version_without_tokens_gets_a_key_for_them() throws Exception {
    Authority before = authority();
    database.write(
        connection -> {
          try (var delete =
              connection.prepareStatement("DELETE FROM issuer_authority WHERE kind = 'JWT'")) {
            return delete.executeUpdate();
          }
        });
    Authority after = authority();
    assertThat(after.active().id()).isEqualTo(before.active().id());
    assertThat(after.activeJwt().keyId()).isNotEqualTo(before.activeJwt().keyId());
    assertThat(after.bundle().sequence()).isGreaterThan(before.bundle().sequence());
    assertThat(keyFileNames()).as("one that no record names is swept up").hasSize(2);
    bothSign(after);
  }

  @Test
  void a_restart_keeps_authority_and_bundle() {
    Authority before = authority();
    Authority after = authority();
    assertThat(after.active().id()).isEqualTo(before.active().id());
    assertThat(after.activeJwt().keyId()).isEqualTo(before.activeJwt().keyId());
    assertThat(after.bundle()).isEqualTo(before.bundle());
  }

  @Test
  void the_next_authority_is_in_the_bundle_at_half_life_and_signs_in_the_last_sixth()
      throws Exception {
    Authority authority = authority();
    String first = authority.active().id();
    String firstKey = authority.activeJwt().keyId();
    SignedJWT early = token(authority, clock);
    clock.advance(LIFE.dividedBy(2).minusSeconds(1));
    authority.rotate();
    assertThat(authority.bundle().authorities()).hasSize(1);
    assertThat(authority.bundle().jwtKeys()).hasSize(1);
    clock.advance(Duration.ofSeconds(1));
    authority.rotate();
    assertThat(authority.bundle().authorities()).hasSize(2);
    assertThat(authority.bundle().jwtKeys()).hasSize(2);
    assertThat(authority.bundle().sequence()).isEqualTo(4);
    assertThat(authority.active().id()).isEqualTo(first);
    assertThat(authority.activeJwt().keyId()).isEqualTo(firstKey);

    clock.advance(LIFE.dividedBy(3).minusSeconds(1));
    authority.rotate();
    assertThat(authority.active().id()).isEqualTo(first);
    assertThat(authority.activeJwt().keyId()).isEqualTo(firstKey);
    clock.advance(Duration.ofSeconds(1));
    authority.rotate();
    assertThat(authority.active().id()).isNotEqualTo(first);
    assertThat(authority.activeJwt().keyId()).isNotEqualTo(firstKey);
    bothSign(authority);
    assertThat(keyFileNames()).as("the old keys are of no more use").hasSize(2);
    assertThat(authority.bundle().authorities()).as("and still checked with").hasSize(2);
    verifies(authority.bundle(), early);
  }

  @Test
  void an_expired_authority_leaves_the_bundle_a_day_later() {
    Authority authority = authority();
    long sequence = 0;
    for (int hours = 0; hours < 72; hours++) {
      clock.advance(Duration.ofHours(1));
      authority.rotate();
      assertThat(authority.bundle().sequence()).isGreaterThanOrEqualTo(sequence);
      sequence = authority.bundle().sequence();
      assertThat(authority.active().notAfter()).isAfter(clock.instant());
      assertThat(authority.activeJwt().notAfter()).isAfter(clock.instant());
    }
    assertThat(authority.bundle().jwtKeys().size()).isBetween(2, 5);
    assertThat(authority.bundle().jwtKeys())
        .allSatisfy(
            key -> assertThat(key.notAfter()).isAfter(clock.instant().minus(Duration.ofHours(25))));
    assertThat(authority.bundle().authorities().size()).isBetween(2, 5);
    assertThat(authority.bundle().certificates())
        .allSatisfy(
            ca ->
                assertThat(ca.getNotAfter().toInstant())
                    .isAfter(clock.instant().minus(Duration.ofHours(25))));
  }

  @Test
  void an_issuer_that_was_away_for_long_makes_a_new_authority_at_once() throws Exception {
    authority();
    clock.advance(LIFE.multipliedBy(10));
    bothSign(authority());
  }

  @Test
  void an_authority_of_a_clock_that_was_ahead_signs_no_more_when_the_clock_is_right()
      throws Exception {
    clock.advance(Duration.ofDays(2));
    Authority authority = authority();
    String ahead = authority.active().id();
    clock.advance(Duration.ofDays(-2));
    assertThatThrownBy(authority::active)
        .isInstanceOf(RefusalException.class)
        .hasMessageContaining("AUTHORITY_UNAVAILABLE");
    assertThatThrownBy(authority::activeJwt)
        .isInstanceOf(RefusalException.class)
        .hasMessageContaining("AUTHORITY_UNAVAILABLE");
    authority.rotate();
    assertThat(authority.active().id()).isNotEqualTo(ahead);
    bothSign(authority);
    assertThat(authority().active().id()).as("after a restart").isEqualTo(authority.active().id());
  }

  @Test
  void an_authority_whose_key_is_lost_is_replaced_and_stays_in_the_bundle() throws Exception {
    Authority before = authority();
    for (String file : keyFileNames()) {
      Files.delete(directory.resolve("keys").resolve(file));
    }
    Authority after = authority();
    assertThat(after.active().id()).isNotEqualTo(before.active().id());
    assertThat(after.activeJwt().keyId()).isNotEqualTo(before.activeJwt().keyId());
    assertThat(after.bundle().authorities()).containsAll(before.bundle().authorities());
    assertThat(after.bundle().jwtKeys()).containsAll(before.bundle().jwtKeys());
    bothSign(after);
  }

  @Test
  void no_document_outlives_its_authority() {
    Authority authority = authority();
    SvidMinter.Svid svid = mint(authority, List.of(), LIFE.multipliedBy(2));
    assertThat(svid.notAfter()).isEqualTo(authority.active().notAfter());
    assertThat(
            new JwtSvidMinter(authority, clock)
                .mint(DOMAIN.withPath("/w"), List.of("a"), Instant.MAX, Optional.empty())
                .expiresAt())
        .isEqualTo(authority.activeJwt().notAfter());
  }

  /** The machine stops at one write of a rotation, before or after it reached the disk. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 9})
  void a_rotation_that_is_cut_off_anywhere_is_finished_after_a_restart(int point) throws Exception {
    Authority before = authority();
    clock.advance(LIFE.dividedBy(2));
    rotateUntil(point);
    Authority between = authority();
    assertThat(between.bundle().authorities()).containsAll(before.bundle().authorities());
    assertThat(between.bundle().jwtKeys()).containsAll(before.bundle().jwtKeys());
    bothSign(between);

    clock.advance(LIFE.dividedBy(3));
    rotateUntil(point);
    Authority after = authority();
    after.rotate();
    clock.advance(Duration.ofMinutes(1));
    after.rotate();
    assertThat(after.active().id()).isNotEqualTo(before.active().id());
    assertThat(after.activeJwt().keyId()).isNotEqualTo(before.activeJwt().keyId());
    assertThat(after.bundle().authorities()).containsAll(before.bundle().authorities());
    assertThat(after.bundle().jwtKeys()).containsAll(before.bundle().jwtKeys());
    bothSign(after);
    assertThat(keyFileNames()).as("no key is left over").hasSize(2);
  }

  /** The same for the very first start. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
  void a_first_start_that_is_cut_off_anywhere_is_finished_after_a_restart(int point)
      throws Exception {
    rotateUntil(point);
    Authority after = authority();
    bothSign(after);
    assertThat(after.bundle().authorities()).hasSize(1);
    assertThat(after.bundle().jwtKeys()).hasSize(1);
    assertThat(keyFileNames()).hasSize(2);
  }

  private static final class Cut extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /**
   * @param point 0 and 9 for the first and the second key that is written, the others for what is
   *     recorded: even before it is, odd after it
   */
  private void rotateUntil(int point) {
    boolean atKey = point == 0 || point == 9;
    try {
      authority(
          atKey ? database : new CuttingDatabase(database, point / 2, point % 2 == 0),
          atKey ? new CuttingKeys(point == 0 ? 1 : 2) : keys());
    } catch (Cut cut) {
      return; // the process is gone
    }
  }

  /** Stops once a key is on the disk and nothing is recorded of it. */
  private final class CuttingKeys extends KeyFiles {
    private int left;

    CuttingKeys(int count) {
      super(directory.resolve("keys"));
      this.left = count;
    }

    @Override
    void write(String id, PrivateKey key) {
      super.write(id, key);
      if (--left == 0) {
        throw new Cut();
      }
    }
  }

  /** Stops at one write, before or after it is committed. */
  private static final class CuttingDatabase implements Database {
    private final Database real;
    private final int at;
    private final boolean before;
    private int writes;

    CuttingDatabase(Database real, int at, boolean before) {
      this.real = real;
      this.at = at;
      this.before = before;
    }

    @Override
    public <T> T read(Work<T> work) {
      return real.read(work);
    }

    @Override
    public <T> T write(Work<T> work) {
      if (before && writes == at) {
        throw new Cut();
      }
      T result = real.write(work);
      if (writes++ == at) {
        throw new Cut();
      }
      return result;
    }

    @Override
    public boolean isWriting() {
      return real.isWriting();
    }

    @Override
    public void afterCommit(Runnable action) {
      real.afterCommit(action);
    }

    @Override
    public void close() {
      real.close();
    }
  }

  @Test
  void openssl_accepts_the_chain_and_sees_the_profile() throws Exception {
    Authority authority =
        Authority.open(
            DOMAIN,
            database,
            TestAudit.of(database, directory),
            keys(),
            Signatures.fastest(),
            new RotationSchedule(LIFE, Duration.ofHours(24)),
            java.time.Clock.systemUTC());
    SvidMinter.Svid svid =
        new SvidMinter(authority, java.time.Clock.systemUTC())
            .mint(
                DOMAIN.withPath("/workload"),
                List.of("a.example.org", "b.example.org"),
                Bytes.copyOf(StockAgent.newKey().getPublic().getEncoded()),
                Duration.ofHours(1));
    Path bundle = directory.resolve("bundle.pem");
    Path leaf = directory.resolve("leaf.pem");
    new BundleFile(authority, Set.of(bundle)).write();
    Files.writeString(
        leaf,
        new TrustBundle(DOMAIN, 0, Duration.ZERO, List.of(svid.certificate()), List.of()).toPem());
    assertThat(
            run("openssl", "verify", "-x509_strict", "-CAfile", bundle.toString(), leaf.toString()))
        .contains("leaf.pem: OK");
    String text = run("openssl", "x509", "-noout", "-text", "-in", leaf.toString());
    assertThat(text)
        .contains("URI:spiffe://test.example/workload, DNS:a.example.org, DNS:b.example.org")
        .contains("X509v3 Basic Constraints: critical")
        .contains("CA:FALSE")
        .contains("X509v3 Key Usage: critical")
        .contains("Digital Signature, Key Encipherment, Key Agreement")
        .contains("TLS Web Server Authentication, TLS Web Client Authentication")
        .contains("X509v3 Subject Key Identifier")
        .contains("X509v3 Authority Key Identifier")
        .contains("CN = a.example.org");
    assertThat(run("openssl", "x509", "-noout", "-text", "-in", bundle.toString()))
        .contains("CA:TRUE")
        .contains("Certificate Sign, CRL Sign")
        .contains("URI:spiffe://test.example");
    X509Certificate certificate = Certificates.decode(svid.certificate());
    assertThat(X509SvidProfile.leafViolations(certificate)).isEmpty();
    assertThat(certificate.getSerialNumber().bitLength()).isBetween(65, 128);
  }

  private static String run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    return output;
  }

  @Test
  void a_bundle_file_is_put_back_when_it_is_gone() throws Exception {
    Authority authority = authority();
    Path file = directory.resolve("bundle.pem");
    BundleFile bundleFile = new BundleFile(authority, Set.of(file));
    bundleFile.write();
    String before = Files.readString(file);
    Files.delete(file);
    bundleFile.write();
    assertThat(Files.readString(file)).isEqualTo(before).isEqualTo(authority.bundle().toPem());
  }

  @Test
  void a_lifetime_that_cannot_be_rotated_in_is_refused() {
    assertThatThrownBy(() -> new RotationSchedule(Duration.ofSeconds(30), Duration.ZERO))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
