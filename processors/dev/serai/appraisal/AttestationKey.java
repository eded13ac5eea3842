package dev.serai.appraisal;

import dev.serai.reason.ReasonCode;
import dev.serai.signing.SignatureAlgorithm;
import dev.serai.signing.SignatureAlgorithm.Family;
import dev.serai.signing.SignatureVerifier;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmConstants;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.TpmName;
import dev.serai.tpm.wire.TpmsAttest;
import dev.serai.tpm.wire.TpmtPublic;
import dev.serai.tpm.wire.TpmtSignature;
import dev.serai.tpm.wire.WireWriter;
import java.util.Optional;
import java.util.Set;

/**
 * An enrolled attestation key, ready to check statements. Costly to make, cheap to use: keep it.
 * Statements count only with the key's own scheme and a hash stronger than SHA-1.
 */
public final class AttestationKey {
  private final TpmtPublic.Scheme scheme;
  private final int coordinateLength;
  private final int modulusLength;
  private final Set<Bytes> qualifiedNames;
  private final Optional<SignatureAlgorithm> algorithm;
  private final SignatureVerifier verifier;

  private AttestationKey(TpmtPublic ak, Set<Bytes> qualifiedNames, Signatures signatures) {
    this.scheme = ak.scheme();
    this.qualifiedNames = qualifiedNames;
    this.coordinateLength =
        ak.key() instanceof TpmtPublic.EccKey ecc ? ecc.curve().coordinateLength() : 0;
    this.modulusLength = ak.key() instanceof TpmtPublic.RsaKey rsa ? rsa.keyBits() / 8 : 0;
    this.algorithm = algorithm(ak.scheme());
    this.verifier = signatures.verifier(ak.publicKey());
  }

  /**
   * The key of an enrolled node. Its Qualified Name follows from where AKs are made: directly in
   * the endorsement hierarchy, or under the EK.
   */
  public static AttestationKey of(TpmtPublic ek, TpmtPublic ak, Signatures signatures) {
    Bytes endorsement = new WireWriter().uint32(TpmConstants.RH_ENDORSEMENT).toBytes();
    TpmName qualifiedEk = ek.name().qualifiedUnder(endorsement);
    return new AttestationKey(
        ak,
        Set.of(
            ak.name().qualifiedUnder(endorsement).encoded(),
            ak.name().qualifiedUnder(qualifiedEk.encoded()).encoded()),
        signatures);
  }

  /** A key whose place in the TPM is not known: its Qualified Name is not compared. */
  public static AttestationKey ofUnknownParent(TpmtPublic ak, Signatures signatures) {
    return new AttestationKey(ak, Set.of(), signatures);
  }

  private static Optional<SignatureAlgorithm> algorithm(TpmtPublic.Scheme scheme) {
    Optional<Integer> bits = scheme.hash().flatMap(AttestationKey::bits);
    Optional<Family> family =
        switch (scheme.algorithm()) {
          case RSASSA -> Optional.of(Family.RSASSA);
          case RSAPSS -> Optional.of(Family.RSAPSS);
          case ECDSA -> Optional.of(Family.ECDSA_P1363);
          default -> Optional.empty();
        };
    return family.flatMap(f -> bits.flatMap(b -> SignatureAlgorithm.of(f, b)));
  }

  private static Optional<Integer> bits(TpmHash hash) {
    return hash == TpmHash.SHA1 ? Optional.empty() : Optional.of(8 * hash.digestLength());
  }

  /** The statement, if this key signed it; in the order authentic, well-formed, own. */
  public Check<TpmsAttest> authentic(SignedStatement statement) {
    TpmtSignature signature;
    try {
      signature = TpmtSignature.parse(statement.signature());
    } catch (MalformedStructureException e) {
      return Check.failed(ReasonCode.EVIDENCE_MALFORMED, e.getMessage());
    }
    if (algorithm.isEmpty()) {
      return Check.failed(
          ReasonCode.SIGNATURE_INVALID, "the AK's scheme %s is not accepted".formatted(scheme));
    }
    if (signature.scheme() != scheme.algorithm()
        || signature.hash() != scheme.hash().orElseThrow()) {
      return Check.failed(
          ReasonCode.SIGNATURE_INVALID,
          "%s with %s is not the AK's scheme".formatted(signature.scheme(), signature.hash()));
    }
    Optional<Bytes> raw = raw(signature);
    if (raw.isEmpty() || !verifier.verifies(algorithm.get(), statement.attest(), raw.get())) {
      return notSigned(statement.attest());
    }
    TpmsAttest attest;
    try {
      attest = TpmsAttest.parse(statement.attest()); // the very bytes the signature covers
    } catch (MalformedStructureException e) {
      return Check.failed(ReasonCode.EVIDENCE_MALFORMED, e.getMessage());
    }
    if (!isOwn(attest)) {
      return Check.failed(
          ReasonCode.AK_MISMATCH,
          "the AK is neither in the endorsement hierarchy nor under the EK");
    }
    return Check.passed(attest);
  }

  /** The hash of the scheme. Only for keys that signed something. */
  TpmHash hash() {
    return scheme.hash().orElseThrow();
  }

  private Optional<Bytes> raw(TpmtSignature signature) {
    if (signature instanceof TpmtSignature.Rsa rsa) {
      return rsa.signature().size() == modulusLength
          ? Optional.of(rsa.signature())
          : Optional.empty();
    }
    TpmtSignature.Ecdsa ecdsa = (TpmtSignature.Ecdsa) signature;
    return ecdsa.r().size() <= coordinateLength && ecdsa.s().size() <= coordinateLength
        ? Optional.of(ecdsa.toP1363(coordinateLength))
        : Optional.empty();
  }

  private boolean isOwn(TpmsAttest attest) {
    return qualifiedNames.isEmpty() || qualifiedNames.contains(attest.qualifiedSigner());
  }

  /** Says which kind of no it is; what is read here is unsigned and used for nothing else. */
  private Check<TpmsAttest> notSigned(Bytes attest) {
    try {
      if (!isOwn(TpmsAttest.parse(attest))) {
        return Check.failed(ReasonCode.AK_MISMATCH, "the statement names another signer");
      }
    } catch (MalformedStructureException e) {
      return Check.failed(ReasonCode.SIGNATURE_INVALID, "not a statement: " + e.getMessage());
    }
    return Check.failed(ReasonCode.SIGNATURE_INVALID, "not signed by the enrolled AK");
  }
}
