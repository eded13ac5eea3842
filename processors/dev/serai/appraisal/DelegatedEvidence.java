package dev.serai.appraisal;

import com.google.protobuf.ByteString;
import dev.serai.location.LocationDocument;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmConstants;
import dev.serai.tpm.spec.TpmEccCurve;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.spec.TpmScheme;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmName;
import dev.serai.tpm.wire.TpmaObject;
import dev.serai.tpm.wire.TpmaObject.Attribute;
import dev.serai.tpm.wire.TpmsAttest;
import dev.serai.tpm.wire.TpmtPublic;
import dev.serai.tpm.wire.WireWriter;
import java.math.BigInteger;
import java.security.PublicKey;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Evidence in the sovereign prototype's form, put into the form that the core judges. Nothing is
 * judged here. The prototype sends no public area of its App Key, but what the AK certified is the
 * Name of one, and a Name is a digest: so the areas that a key of this kind can have are made from
 * its public key, and the one with the certified Name is handed to the core, which compares both
 * and looks at its attributes. When none fits, the core finds that another key was certified.
 *
 * @param nodeId who the sender says it is
 * @param nonce hex, as the sender has it
 * @param quote Keylime's one-line form
 * @param appKeyPublic PEM
 * @param appKeyCertificate JSON with the certify
 * @param appKeyTpmPublic TPM2B_PUBLIC or TPMT_PUBLIC, for a key with a policy or a rare scheme
 * @param csr PKCS#10 in DER
 */
public record DelegatedEvidence(
    String nodeId,
    String nonce,
    String quote,
    String appKeyPublic,
    Bytes appKeyCertificate,
    Optional<Bytes> appKeyTpmPublic,
    Optional<Bytes> csr) {

  /** Attributes that a lawful App Key has; DECRYPT is tried so that the core can name it. */
  private static final int ALWAYS =
      TpmaObject.of(Attribute.SIGN, Attribute.SENSITIVE_DATA_ORIGIN).bits();

  private static final List<Attribute> PERHAPS =
      List.of(
          Attribute.FIXED_TPM,
          Attribute.FIXED_PARENT,
          Attribute.USER_WITH_AUTH,
          Attribute.ADMIN_WITH_POLICY,
          Attribute.NO_DA,
          Attribute.RESTRICTED,
          Attribute.DECRYPT);

  /**
   * Where the node's agent says it is.
   *
   * @param extend how PCR 15 came to hold it
   */
  public record Located(LocationDocument document, PcrExtend extend) {
    public Located {
      Objects.requireNonNull(document);
      Objects.requireNonNull(extend);
    }
  }

  /** Still without the quote, which the sender leaves to us to ask for. */
  public boolean lacksQuote() {
    return quote.isEmpty();
  }

  public DelegatedEvidence withQuote(String fetched) {
    return new DelegatedEvidence(
        nodeId, nonce, fetched, appKeyPublic, appKeyCertificate, appKeyTpmPublic, csr);
  }

  /** The same without a location. */
  public AppraisalRequest request(ChallengeStanding standing, PcrSelection selection)
      throws MalformedStructureException {
    return request(standing, selection, Optional.empty());
  }

  /**
   * @param standing of the nonce, consumed
   * @param selection the PCRs the challenge asked for
   * @throws MalformedStructureException when the App Key or the certify cannot be read at all
   */
  public AppraisalRequest request(
      ChallengeStanding standing, PcrSelection selection, Optional<Located> located)
      throws MalformedStructureException {
    Bytes info = ClaimedEvidence.pem(appKeyPublic);
    Bytes appKey = appKeyTpmPublic.isPresent() ? bare(appKeyTpmPublic.get()) : publicArea(info);
    SovereignAttestation.Builder message =
        SovereignAttestation.newBuilder()
            .setKeylimeAgentUuid(nodeId)
            .setChallengeNonce(nonce)
            .setTpmSignedAttestation(quote)
            .setAppKeyPublic(appKeyPublic)
            .setAppKeyCertificate(ByteString.copyFrom(appKeyCertificate.toArray()))
            .setAppKeyTpmPublic(ByteString.copyFrom(appKey.toArray()));
    located.ifPresent(
        at -> message.setLocation(ByteString.copyFrom(at.document().bytes().toArray())));
    return new AppraisalRequest(
        Bytes.copyOf(message.build().toByteArray()),
        csr.orElse(Bytes.EMPTY),
        standing,
        standing == ChallengeStanding.FRESH
            ? ClaimedEvidence.hex("data.nonce", nonce)
            : Bytes.EMPTY,
        selection,
        EvidenceForm.DELEGATED,
        located.map(Located::extend));
  }

  /** Without the size that stands before it in TPM2B_PUBLIC. */
  private static Bytes bare(Bytes area) throws MalformedStructureException {
    boolean sized =
        area.size() > 2 && (area.at(0) << 8 | area.at(1)) == area.size() - 2; // else a type: 1, 35
    return (sized ? TpmtPublic.parseSized(area) : TpmtPublic.parse(area)).encoded();
  }

  private Bytes publicArea(Bytes info) throws MalformedStructureException {
    Optional<TpmName> certified = certifiedName();
    List<Bytes> areas = areas(AppKeys.read(info));
    if (areas.isEmpty()) {
      throw new MalformedStructureException("data.app_key_public", "a kind of key no TPM makes");
    }
    return areas.stream()
        .filter(area -> certified.filter(name -> isNameOf(name, area)).isPresent())
        .findFirst()
        .orElse(areas.get(0));
  }

  private static boolean isNameOf(TpmName name, Bytes area) {
    return TpmName.of(TpmHash.SHA256, area).equals(name);
  }

  /** Unsigned as yet: it chooses among areas, and the core compares again what the AK signed. */
  private Optional<TpmName> certifiedName() throws MalformedStructureException {
    TpmsAttest attest = TpmsAttest.parse(ClaimedEvidence.certifyData(appKeyCertificate));
    return attest.body() instanceof TpmsAttest.Certify certify
        ? Optional.of(certify.name())
        : Optional.empty();
  }

  /** The plain sign-only key first, as Serai's agent makes it. */
  private static List<Bytes> areas(PublicKey key) {
    List<Bytes> areas = new ArrayList<>();
    for (TpmScheme scheme : schemes(key)) {
      for (int chosen = 0; chosen < 1 << PERHAPS.size(); chosen++) {
        int bits = ALWAYS;
        for (int i = 0; i < PERHAPS.size(); i++) {
          bits |= (chosen >> i & 1) != 0 ? PERHAPS.get(i).mask() : 0;
        }
        area(key, scheme, bits).ifPresent(areas::add);
      }
    }
    return areas;
  }

  private static List<TpmScheme> schemes(PublicKey key) {
    return key instanceof RSAPublicKey
        ? List.of(TpmScheme.NULL, TpmScheme.RSASSA, TpmScheme.RSAPSS)
        : List.of(TpmScheme.NULL, TpmScheme.ECDSA);
  }

  private static Optional<Bytes> area(PublicKey key, TpmScheme scheme, int attributes) {
    WireWriter out =
        new WireWriter()
            .uint16(key instanceof RSAPublicKey ? TpmConstants.ALG_RSA : TpmConstants.ALG_ECC)
            .uint16(TpmHash.SHA256.id())
            .uint32(attributes & 0xffffffffL)
            .uint16(0) // no policy
            .uint16(TpmConstants.ALG_NULL)
            .uint16(scheme.id());
    if (scheme.withHash()) {
      out.uint16(TpmHash.SHA256.id());
    }
    if (key instanceof RSAPublicKey rsa) {
      long exponent = rsa.getPublicExponent().longValue();
      int bits = rsa.getModulus().bitLength();
      return Optional.of(
          out.uint16(bits)
              .uint32(exponent == TpmConstants.DEFAULT_RSA_EXPONENT ? 0 : exponent)
              .sized(unsigned(rsa.getModulus(), bits / 8))
              .toBytes());
    }
    ECPublicKey ec = (ECPublicKey) key;
    return AppKeys.curve(ec)
        .map(
            curve ->
                out.uint16(curve.id())
                    .uint16(TpmConstants.ALG_NULL)
                    .sized(unsigned(ec.getW().getAffineX(), curve.coordinateLength()))
                    .sized(unsigned(ec.getW().getAffineY(), curve.coordinateLength()))
                    .toBytes());
  }

  private static Bytes unsigned(BigInteger value, int length) {
    byte[] raw = value.toByteArray();
    byte[] fixed = new byte[length];
    int from = Math.max(0, raw.length - length);
    System.arraycopy(raw, from, fixed, length - (raw.length - from), raw.length - from);
    return Bytes.copyOf(fixed);
  }

  /** Public keys of the kinds that TPMs make. */
  private static final class AppKeys {
    private static final int MOST_EXPONENT_BITS = 32;

    /** RSA of a TPM's sizes, or a point of a TPM's curve. */
    static PublicKey read(Bytes subjectPublicKeyInfo) throws MalformedStructureException {
      PublicKey key = KeyFromInfo.read(subjectPublicKeyInfo);
      boolean lawful =
          key instanceof RSAPublicKey rsa
              ? List.of(2048, 3072, 4096).contains(rsa.getModulus().bitLength())
                  && rsa.getPublicExponent().bitLength() <= MOST_EXPONENT_BITS
              : key instanceof ECPublicKey ec && curve(ec).isPresent();
      if (!lawful) {
        throw new MalformedStructureException("data.app_key_public", "a kind of key no TPM makes");
      }
      return key;
    }

    static Optional<TpmEccCurve> curve(ECPublicKey key) {
      int bits = key.getParams().getCurve().getField().getFieldSize();
      return switch (bits) {
        case 256 -> Optional.of(TpmEccCurve.P256);
        case 384 -> Optional.of(TpmEccCurve.P384);
        case 521 -> Optional.of(TpmEccCurve.P521);
        default -> Optional.empty();
      };
    }
  }
}
