package dev.serai.tpm.tss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.testing.SwTpm;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import dev.serai.tpm.TpmProperties;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.CredentialBlob;
import dev.serai.tpm.wire.MakeCredential;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmsAttest;
import dev.serai.tpm.wire.TpmtPublic;
import dev.serai.tpm.wire.TpmtSignature;
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every operation on a software TPM, checked by tpm2-tools and the JDK where they can. */
class TssTpmTest {
  private static final Bytes NONCE = Bytes.ofHex("5e".repeat(32));

  private static SwTpm software;
  private Tpm tpm;

  @BeforeAll
  static void start() {
    software = SwTpm.provisioned();
  }

  @AfterAll
  static void end() {
    software.close();
  }

  @BeforeEach
  void open() {
    tpm = TssTpm.open(options());
  }

  @AfterEach
  void nothing_stays_loaded_after_close() {
    tpm.close();
    assertThat(software.tool("tpm2_getcap", "handles-transient")).isEmpty();
    assertThat(software.tool("tpm2_getcap", "handles-loaded-session")).isEmpty();
    assertThat(software.tool("tpm2_getcap", "handles-persistent")).isEmpty();
  }

  private static TpmOptions options() {
    return TpmOptions.defaults().withTcti(software.tcti()).withAllowSoftware(true);
  }

  @Test
  void gives_random_bytes_of_any_length() {
    assertThat(tpm.random(0).size()).isZero();
    assertThat(tpm.random(200).size()).isEqualTo(200);
    assertThat(tpm.random(32)).isNotEqualTo(tpm.random(32));
  }

  @Test
  void says_what_it_is() {
    TpmProperties properties = tpm.properties();
    assertThat(properties.manufacturer()).isEqualTo("IBM");
    assertThat(properties.vendor()).contains("SW");
    assertThat(properties.activeBanks()).contains(TpmHash.SHA256);
    assertThat(properties.lockout()).isFalse();
    assertThat(properties.tcti()).startsWith("swtpm:path=").contains("configured");
    assertThat(properties.fixed()).containsKey(0x105).hasSizeGreaterThan(30);
  }

  @Test
  void reads_every_pcr_of_two_banks() {
    PcrSelection all =
        new PcrSelection(
            Map.of(
                TpmHash.SHA256,
                PcrSelection.ofMask(TpmHash.SHA256, 0xffffff).pcrs().get(TpmHash.SHA256),
                TpmHash.SHA1,
                PcrSelection.ofMask(TpmHash.SHA1, 0xffffff).pcrs().get(TpmHash.SHA1)));
    Map<TpmHash, SortedMap<Integer, Bytes>> values = tpm.readPcrs(all);
    assertThat(values.get(TpmHash.SHA256)).hasSize(24);
    assertThat(values.get(TpmHash.SHA1)).hasSize(24);
    assertThat(values.get(TpmHash.SHA256).get(17)).isEqualTo(Bytes.ofHex("ff".repeat(32)));
  }

  @Test
  void extends_and_resets_a_pcr() {
    tpm.resetPcr(16);
    Bytes zero = pcr(16);
    tpm.extendPcr(16, TpmHash.SHA256, NONCE);
    MessageDigest digest = TpmHash.SHA256.newDigest();
    zero.writeTo(digest);
    NONCE.writeTo(digest);
    assertThat(pcr(16)).isEqualTo(Bytes.copyOf(digest.digest()));
    tpm.resetPcr(16);
    assertThat(pcr(16)).isEqualTo(zero);
    assertFault(Fault.COMMAND, () -> tpm.extendPcr(24, TpmHash.SHA256, NONCE));
    assertFault(Fault.COMMAND, () -> tpm.resetPcr(0));
  }

  private Bytes pcr(int index) {
    return tpm.readPcrs(PcrSelection.of(TpmHash.SHA256, index)).get(TpmHash.SHA256).get(index);
  }

  @Test
  void reads_the_clock() {
    assertThat(tpm.clock().clockMillis()).isPositive();
    assertThat(tpm.clock().resetCount()).isPositive();
  }

  @Test
  void reads_nv_longer_than_one_command_carries() {
    Bytes content = Bytes.copyOf(new byte[1500]);
    try (SwTpm other = SwTpm.blank();
        Tpm opened = TssTpm.open(options().withTcti(other.tcti()))) {
      other.writeNv(0x01800042, content);
      assertThat(opened.readNv(0x01800042)).isEqualTo(content);
      assertFault(Fault.STALE_KEY, () -> opened.readNv(0x01800043));
    }
  }

  @ParameterizedTest
  @EnumSource
  void finds_the_endorsement_certificate_of_the_key_and_the_chain(KeyRef.Endorsement ek)
      throws Exception {
    List<Bytes> certificates = tpm.endorsementCertificates(ek);
    assertThat(certificates).hasSize(2);
    X509Certificate certificate = certificate(certificates.get(0));
    assertThat(certificate.getPublicKey()).isEqualTo(tpm.publicArea(ek).publicKey());
    certificate.verify(SwTpm.ekCa().getPublicKey());
    assertThat(certificate(certificates.get(1))).isEqualTo(SwTpm.ekCa());
  }

  @Test
  void finds_a_padded_certificate_at_an_unusual_index_and_not_one_of_another_key() {
    try (SwTpm other = SwTpm.blank();
        Tpm opened = TssTpm.open(options().withTcti(other.tcti()))) {
      java.time.Instant now = java.time.Instant.now();
      Bytes der = SwTpm.certificateFor(other.eccEndorsementKey(), now, now.plusSeconds(3600));
      other.writeNv(0x01c00002, der); // the index for RSA
      assertThat(opened.endorsementCertificates(KeyRef.Endorsement.RSA_2048)).isEmpty();
      other.writeNv(
          0x01c00014, Bytes.concat(Bytes.ofHex("00".repeat(7)), der, Bytes.ofHex("ffff")));
      assertThat(opened.endorsementCertificates(KeyRef.Endorsement.ECC_P256)).containsExactly(der);
    }
  }

  private static X509Certificate certificate(Bytes der) throws Exception {
    return (X509Certificate)
        CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(der.toArray()));
  }

  @ParameterizedTest
  @EnumSource
  void makes_the_endorsement_key_that_tpm2_createek_makes(
      KeyRef.Endorsement ek, @TempDir Path directory) throws Exception {
    Path file = directory.resolve("ek.pub");
    software.tool(
        "tpm2_createek",
        "-G",
        ek == KeyRef.Endorsement.RSA_2048 ? "rsa" : "ecc",
        "-c",
        directory.resolve("ek.ctx").toString(),
        "-u",
        file.toString());
    software.tool("tpm2_flushcontext", "-t");
    assertThat(tpm.publicArea(ek))
        .isEqualTo(TpmtPublic.parseSized(Bytes.copyOf(Files.readAllBytes(file))));
  }

  @ParameterizedTest
  @EnumSource
  void quotes_so_that_tpm2_checkquote_accepts_it_and_refuses_another_nonce(
      KeyRef.Attestation ak, @TempDir Path directory) throws Exception {
    PcrSelection selection = PcrSelection.of(TpmHash.SHA256, 0, 1, 7, 16);
    Tpm.Attested quote = tpm.quote(ak, selection, NONCE);
    TpmsAttest attest = TpmsAttest.parse(quote.attest());
    assertThat(attest.extraData()).isEqualTo(NONCE);
    TpmtSignature.parse(quote.signature());
    Path key = write(directory, "ak.pub", tpm.publicArea(ak).sized());
    Path message = write(directory, "quote.msg", quote.attest());
    Path signature = write(directory, "quote.sig", quote.signature());
    String[] check = {
      "tpm2_checkquote",
      "-u",
      key.toString(),
      "-m",
      message.toString(),
      "-s",
      signature.toString(),
      "-g",
      "sha256",
      "-q",
      NONCE.toHex()
    };
    software.tool(check);
    check[check.length - 1] = "5f".repeat(32);
    assertThatThrownBy(() -> software.tool(check)).hasMessageContaining("failed");
  }

  private static Path write(Path directory, String name, Bytes content) throws Exception {
    return Files.write(directory.resolve(name), content.toArray());
  }

  @ParameterizedTest
  @EnumSource
  void gives_the_same_attestation_key_after_reopening_and_after_a_reset(KeyRef.Attestation ak) {
    TpmtPublic before = tpm.publicArea(ak);
    tpm.close();
    software.reset();
    tpm = TssTpm.open(options());
    assertThat(tpm.publicArea(ak)).isEqualTo(before);
    assertThat(before.attributes().bits()).isEqualTo(0x00050472);
  }

  @ParameterizedTest
  @EnumSource
  void activates_a_credential_made_for_its_attestation_key_only(KeyRef.Endorsement ek) {
    KeyRef.Attestation ak = KeyRef.Attestation.ECDSA_P256;
    Bytes secret = Bytes.ofHex("a7".repeat(32));
    CredentialBlob blob =
        MakeCredential.make(
            tpm.publicArea(ek),
            tpm.publicArea(ak).name(),
            secret,
            new java.security.SecureRandom());
    assertThat(tpm.activateCredential(ak, ek, blob)).isEqualTo(secret);
    assertFault(
        Fault.INTEGRITY, () -> tpm.activateCredential(KeyRef.Attestation.RSASSA_2048, ek, blob));
    assertThat(tpm.activateCredential(ak, ek, blob)).isEqualTo(secret);
    assertThat(tpm.properties().loadedHandles()).isLessThanOrEqualTo(2);
  }

  @ParameterizedTest
  @EnumSource
  void certifies_an_app_key_and_signs_with_it(Tpm.AppKeyType type) throws Exception {
    KeyRef.App app = tpm.createAppKey(type);
    TpmtPublic publicArea = tpm.publicArea(app);
    assertThat(publicArea.attributes().bits()).isEqualTo(0x00040472);
    Tpm.Attested certified = tpm.certify(app, KeyRef.Attestation.ECDSA_P256, NONCE);
    TpmsAttest attest = TpmsAttest.parse(certified.attest());
    assertThat(attest.extraData()).isEqualTo(NONCE);
    Signature verifier = Signature.getInstance("SHA256withECDSA");
    verifier.initVerify(tpm.publicArea(KeyRef.Attestation.ECDSA_P256).publicKey());
    verifier.update(certified.attest().toArray());
    TpmtSignature.Ecdsa byAk = (TpmtSignature.Ecdsa) TpmtSignature.parse(certified.signature());
    assertThat(verifier.verify(byAk.toDer().toArray())).isTrue();

    byte[] message = "to be signed".getBytes(java.nio.charset.StandardCharsets.UTF_8);
    Bytes digest = Bytes.copyOf(TpmHash.SHA256.newDigest().digest(message));
    if (type == Tpm.AppKeyType.ECC_P256) {
      TpmtSignature.Ecdsa signature =
          (TpmtSignature.Ecdsa)
              TpmtSignature.parse(tpm.sign(app, Tpm.SignScheme.ECDSA_SHA256, digest));
      verifier.initVerify(publicArea.publicKey());
      verifier.update(message);
      assertThat(verifier.verify(signature.toDer().toArray())).isTrue();
      assertFault(Fault.COMMAND, () -> tpm.sign(app, Tpm.SignScheme.RSASSA_SHA256, digest));
    } else {
      TpmtSignature.Rsa signature =
          (TpmtSignature.Rsa)
              TpmtSignature.parse(tpm.sign(app, Tpm.SignScheme.RSASSA_SHA256, digest));
      Signature rsa = Signature.getInstance("SHA256withRSA");
      rsa.initVerify(publicArea.publicKey());
      rsa.update(message);
      assertThat(rsa.verify(signature.signature().toArray())).isTrue();
    }
  }

  @Test
  void loads_an_app_key_again_from_its_blobs_and_refuses_damaged_or_foreign_ones() {
    KeyRef.App app = tpm.createAppKey(Tpm.AppKeyType.ECC_P256);
    tpm.close();
    software.reset();
    tpm = TssTpm.open(options());
    Bytes digest = Bytes.ofHex("11".repeat(32));
    assertThat(tpm.sign(app, Tpm.SignScheme.ECDSA_SHA256, digest).size()).isGreaterThan(60);
    byte[] damaged = app.privateBlob().toArray();
    damaged[40] ^= 1;
    KeyRef.App bad = new KeyRef.App(app.publicBlob(), Bytes.copyOf(damaged));
    assertFault(Fault.INTEGRITY, () -> tpm.sign(bad, Tpm.SignScheme.ECDSA_SHA256, digest));
    assertFault(
        Fault.COMMAND,
        () ->
            tpm.sign(
                new KeyRef.App(Bytes.ofHex("0003000102"), app.privateBlob()),
                Tpm.SignScheme.ECDSA_SHA256,
                digest));
    try (SwTpm other = SwTpm.blank();
        Tpm foreign = TssTpm.open(options().withTcti(other.tcti()))) {
      assertFault(Fault.INTEGRITY, () -> foreign.sign(app, Tpm.SignScheme.ECDSA_SHA256, digest));
    }
  }

  @Test
  void an_inactive_bank_and_too_long_a_nonce_are_refused() {
    assertFault(
        Fault.COMMAND,
        () ->
            tpm.quote(
                KeyRef.Attestation.ECDSA_P256,
                PcrSelection.of(TpmHash.SHA256, 0),
                Bytes.ofHex("00".repeat(65))));
    assertThat(tpm.random(8).size()).isEqualTo(8);
  }

  @Test
  void a_closed_one_refuses() {
    tpm.close();
    assertFault(Fault.UNAVAILABLE, () -> tpm.random(1));
  }

  static void assertFault(Fault fault, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            TpmException.class, e -> assertThat(e.fault()).as(e.getMessage()).isEqualTo(fault));
  }
}
