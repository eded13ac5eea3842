package dev.serai.appraisal;

import dev.serai.tpm.spec.TpmScheme;
import dev.serai.tpm.wire.TpmaObject;
import dev.serai.tpm.wire.TpmaObject.Attribute;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a key has to be for its signatures to mean something. Part 1, "Object Attributes": a
 * restricted signing key never signs a statement that the TPM did not make itself.
 */
public final class KeyAttributes {
  private static final List<Attribute> BORN_IN_TPM =
      List.of(Attribute.FIXED_TPM, Attribute.FIXED_PARENT, Attribute.SENSITIVE_DATA_ORIGIN);

  private KeyAttributes() {}

  /** What is wrong with a key as attestation key; empty when nothing is. */
  public static Optional<String> wrongAsAttestationKey(TpmtPublic key) {
    List<String> wrong = notSignOnlyOfTheTpm(key.attributes());
    if (!key.attributes().has(Attribute.RESTRICTED)) {
      wrong.add("not RESTRICTED");
    }
    TpmScheme scheme = key.scheme().algorithm();
    if (!scheme.signs()) {
      wrong.add("no fixed signing scheme");
    }
    return text(wrong);
  }

  /** What is wrong with a key as App Key; empty when nothing is. */
  public static Optional<String> wrongAsAppKey(TpmtPublic key) {
    return text(notSignOnlyOfTheTpm(key.attributes()));
  }

  private static List<String> notSignOnlyOfTheTpm(TpmaObject attributes) {
    List<String> wrong = new ArrayList<>();
    for (Attribute attribute : BORN_IN_TPM) {
      if (!attributes.has(attribute)) {
        wrong.add("not " + attribute);
      }
    }
    if (!attributes.has(Attribute.SIGN)) {
      wrong.add("not SIGN");
    }
    if (attributes.has(Attribute.DECRYPT)) {
      wrong.add("DECRYPT");
    }
    return wrong;
  }

  private static Optional<String> text(List<String> wrong) {
    return wrong.isEmpty() ? Optional.empty() : Optional.of(String.join(", ", wrong));
  }
}
