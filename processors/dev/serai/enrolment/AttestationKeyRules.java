package dev.serai.enrolment;

import dev.serai.appraisal.KeyAttributes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.TpmaObject.Attribute;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/**
 * What a public area must say to be that of an attestation key. Only a restricted key's signature
 * over a TPMS_ATTEST means that a TPM made the statement; any other key would sign a forged one.
 */
final class AttestationKeyRules {
  /** Those an attestation key must have and those it may have. */
  private static final Set<Attribute> ALLOWED =
      EnumSet.of(
          Attribute.FIXED_TPM,
          Attribute.FIXED_PARENT,
          Attribute.SENSITIVE_DATA_ORIGIN,
          Attribute.RESTRICTED,
          Attribute.SIGN,
          Attribute.USER_WITH_AUTH,
          Attribute.ADMIN_WITH_POLICY,
          Attribute.NO_DA);

  private AttestationKeyRules() {}

  /** What is wrong with the key, or nothing. */
  static Optional<String> violation(TpmtPublic ak) {
    Optional<String> wrong = KeyAttributes.wrongAsAttestationKey(ak);
    if (wrong.isPresent()) {
      return wrong;
    }
    for (Attribute attribute : Attribute.values()) {
      if (ak.attributes().has(attribute) && !ALLOWED.contains(attribute)) {
        return Optional.of(attribute.toString());
      }
    }
    if (ak.nameAlgorithm() == TpmHash.SHA1
        || ak.scheme().hash().equals(Optional.of(TpmHash.SHA1))) {
      return Optional.of("it uses SHA-1");
    }
    return Optional.empty();
  }
}
