package dev.serai.appraisal;

import com.google.protobuf.ByteString;
import dev.serai.keylime.QuoteString;
import dev.serai.location.LocationDocument;
import dev.serai.location.LocationStore;
import dev.serai.location.SensorAnswer;
import dev.serai.location.SensorQuestion;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.TpmClock;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.spec.TpmScheme;
import dev.serai.tpm.wire.PcrBlob;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmaObject;
import dev.serai.tpm.wire.TpmaObject.Attribute;
import dev.serai.tpm.wire.TpmtPublic;
import java.io.IOException;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.interfaces.RSAKey;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/**
 * One valid example of everything that an appraisal looks at; a test changes one thing. Fields are
 * for tests to set; what is left is computed to fit.
 */
final class Evidence {
  static final String NODE = "1f0cf1b2-9a6c-8d1e-8000-5e7a1a5e7a1a";
  static final Bytes NONCE = Bytes.ofHex("a1".repeat(32));
  static final TpmClock CLOCK = new TpmClock(100_000, 5, 1, true);
  static final Instant NOW = Instant.parse("2026-11-26T12:00:00Z");
  static final PcrSelection SELECTION = PcrSelection.ofMask(TpmHash.SHA256, 0xff);

  final TpmtPublic ek;
  KeyPair akKeys;
  TpmtPublic ak;
  KeyPair appKeys = SoftwareTpm.APP_P256;
  TpmtPublic appKey;
  KeyPair csrKeys = SoftwareTpm.APP_P256;
  PrivateKey csrSigner = SoftwareTpm.APP_P256.getPrivate();
  String nodeId = NODE;
  NodeRecord.Standing nodeStanding = NodeRecord.Standing.ACTIVATED;
  ChallengeStanding standing = ChallengeStanding.FRESH;
  Bytes nonce = NONCE;
  Bytes claimedNonce = NONCE;
  Bytes quotedNonce = NONCE;
  PcrSelection asked = SELECTION;
  PcrSelection quoted = SELECTION;
  SortedMap<Integer, Bytes> pcrs = new TreeMap<>();
  Optional<SortedMap<Integer, Bytes>> shownPcrs = Optional.empty();
  TpmClock clock = CLOCK;
  Optional<Bytes> quoteAttest = Optional.empty();
  Optional<Bytes> certifyAttest = Optional.empty();
  KeyPair quoteSigner;
  KeyPair certifySigner;
  Optional<Bytes> csr = Optional.empty();
  Optional<LocationDocument> location = Optional.empty();
  Optional<LocationDocument> boundLocation = Optional.empty();
  UnaryOperator<SovereignAttestation.Builder> last = UnaryOperator.identity();
  AppraisalPolicy policy = policy(Map.of());
  Baseline before = Baseline.NONE;
  LocationStore locations = new TestLocations();
  Instant now = NOW;
  Function<SensorQuestion, SensorAnswer> sensor = question -> TestLocations.BOUND;

  private Evidence(KeyPair akKeys, TpmScheme scheme) {
    this.akKeys = akKeys;
    this.quoteSigner = akKeys;
    this.certifySigner = akKeys;
    this.ek =
        SoftwareTpm.publicArea(
            SoftwareTpm.EK_P256,
            TpmaObject.of(
                Attribute.FIXED_TPM,
                Attribute.FIXED_PARENT,
                Attribute.SENSITIVE_DATA_ORIGIN,
                Attribute.RESTRICTED,
                Attribute.DECRYPT),
            TpmScheme.NULL);
    this.ak = SoftwareTpm.publicArea(akKeys, SoftwareTpm.AK_ATTRIBUTES, scheme);
    this.appKey =
        SoftwareTpm.publicArea(
            SoftwareTpm.APP_P256, SoftwareTpm.APP_KEY_ATTRIBUTES, TpmScheme.NULL);
    for (int i = 0; i < 8; i++) {
      pcrs.put(i, value(i));
    }
  }

  static Evidence p256() {
    return new Evidence(SoftwareTpm.P256, TpmScheme.ECDSA);
  }

  static Evidence rsa() {
    return new Evidence(SoftwareTpm.RSA, TpmScheme.RSASSA);
  }

  /** A PCR value that tells its index. */
  static Bytes value(int index) {
    return Bytes.ofHex("%02x".formatted(index + 1).repeat(32));
  }

  /** Recorded for PCR 7, and what the map says. */
  static AppraisalPolicy policy(Map<Integer, PcrRule> rules) {
    SortedMap<Integer, PcrRule> all = new TreeMap<>();
    all.put(7, new PcrRule.RecordedAtEnrolment());
    all.putAll(rules);
    return new AppraisalPolicy(
        "test", new PcrPolicy(Map.of(TpmHash.SHA256, all)), ClockPolicy.STRICT);
  }

  NodeRecord node() {
    return new NodeRecord(NODE, ek, ak, nodeStanding, "127.0.0.1", 9002, Optional.empty());
  }

  Bytes csr() {
    if (csr.isPresent()) {
      return csr.get();
    }
    try {
      boolean rsa = csrSigner instanceof RSAKey;
      Bytes made =
          Bytes.copyOf(
              new JcaPKCS10CertificationRequestBuilder(
                      new X500Principal("O=Serai"), csrKeys.getPublic())
                  .build(
                      new JcaContentSignerBuilder(rsa ? "SHA256withRSA" : "SHA256withECDSA")
                          .build(csrSigner))
                  .getEncoded());
      csr = Optional.of(made); // signatures are random: one CSR for all
      return made;
    } catch (OperatorCreationException | IOException e) {
      throw new IllegalStateException(e);
    }
  }

  Bytes blob() {
    return PcrBlob.of(quoted, Map.of(TpmHash.SHA256, shownPcrs.orElse(pcrs))).encoded();
  }

  SignedStatement quote() {
    Bytes digest = PcrBlob.of(quoted, Map.of(TpmHash.SHA256, pcrs)).digest(TpmHash.SHA256);
    Bytes attest =
        quoteAttest.orElseGet(
            () ->
                SoftwareTpm.quote(
                    SoftwareTpm.endorsementPrimary(ak), quotedNonce, clock, quoted, digest));
    return SoftwareTpm.statement(quoteSigner, attest);
  }

  SignedStatement certify(Bytes csrSent) {
    Bytes attest =
        certifyAttest.orElseGet(
            () ->
                SoftwareTpm.certify(
                    SoftwareTpm.endorsementPrimary(ak),
                    CertifyBinding.qualifyingData(nonce, appKeyInfo(), csrSent, boundLocation),
                    clock,
                    appKey.name()));
    return SoftwareTpm.statement(certifySigner, attest);
  }

  Bytes appKeyInfo() {
    return Bytes.copyOf(appKeys.getPublic().getEncoded());
  }

  AppraisalRequest request() {
    Bytes csrSent = csr();
    SignedStatement quote = quote();
    SignedStatement certify = certify(csrSent);
    SovereignAttestation.Builder message =
        SovereignAttestation.newBuilder()
            .setKeylimeAgentUuid(nodeId)
            .setChallengeNonce(claimedNonce.toHex())
            .setTpmSignedAttestation(
                new QuoteString(quote.attest(), quote.signature(), blob()).encode())
            .setAppKeyPublic(pem(appKeyInfo()))
            .setAppKeyCertificate(
                ByteString.copyFromUtf8(
                    "{\"certify_data\":\"%s\",\"challenge_nonce\":\"%s\",\"signature\":\"%s\"}"
                        .formatted(
                            certify.attest().toBase64(),
                            claimedNonce.toHex(),
                            certify.signature().toBase64())))
            .setAppKeyTpmPublic(ByteString.copyFrom(appKey.encoded().toArray()));
    location.ifPresent(
        document -> message.setLocation(ByteString.copyFrom(document.bytes().toArray())));
    return new AppraisalRequest(
        Bytes.copyOf(last.apply(message).build().toByteArray()),
        csrSent,
        standing,
        standing == ChallengeStanding.FRESH ? nonce : Bytes.EMPTY,
        asked);
  }

  static String pem(Bytes der) {
    return "-----BEGIN PUBLIC KEY-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der.toArray())
        + "\n-----END PUBLIC KEY-----\n";
  }

  /** Through every step, as the route does it. */
  Verdict judge(AppraisalSteps steps) {
    LocationSteps places = TestLocations.steps(locations, now);
    Appraisal appraisal = Appraisal.of(request());
    appraisal = steps.parse(appraisal);
    appraisal = appraisal.isOpen() ? steps.checkChallenge(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? steps.checkNode(appraisal, node()) : appraisal;
    appraisal = appraisal.isOpen() ? steps.verifyCertify(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? steps.verifyCsr(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? steps.verifyQuote(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? steps.withBaseline(appraisal, before) : appraisal;
    appraisal = appraisal.isOpen() ? steps.checkPcrs(appraisal, Optional.of(policy)) : appraisal;
    appraisal = appraisal.isOpen() ? steps.checkClock(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? places.read(appraisal) : appraisal;
    if (appraisal.isAsksSensor()) {
      appraisal = places.answered(appraisal, sensor.apply(places.question(appraisal)));
    }
    appraisal = appraisal.isOpen() ? places.judge(appraisal) : appraisal;
    return appraisal.verdict();
  }
}
