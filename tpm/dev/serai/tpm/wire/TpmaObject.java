package dev.serai.tpm.wire;

import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * The attributes of a TPM object. Part 2, "TPMA_OBJECT".
 *
 * @param bits as in the structure, bit 0 lowest
 */
public record TpmaObject(int bits) {

  /** One attribute. */
  public enum Attribute {
    FIXED_TPM(1),
    ST_CLEAR(2),
    FIXED_PARENT(4),
    SENSITIVE_DATA_ORIGIN(5),
    USER_WITH_AUTH(6),
    ADMIN_WITH_POLICY(7),
    NO_DA(10),
    ENCRYPTED_DUPLICATION(11),
    RESTRICTED(16),
    DECRYPT(17),
    /** TPMA_OBJECT_SIGN_ENCRYPT. */
    SIGN(18),
    /** TPMA_OBJECT_X509SIGN. */
    X509_SIGN(19);

    private final int mask;

    Attribute(int bit) {
      this.mask = 1 << bit;
    }

    /** The bit in TPMA_OBJECT. */
    public int mask() {
      return mask;
    }
  }

  private static final int KNOWN =
      Arrays.stream(Attribute.values()).mapToInt(Attribute::mask).reduce(0, (a, b) -> a | b);

  public TpmaObject {
    if ((bits & ~KNOWN) != 0) {
      throw new IllegalArgumentException("reserved bits set in 0x%08x".formatted(bits));
    }
  }

  public static TpmaObject of(Attribute... attributes) {
    int bits = 0;
    for (Attribute attribute : attributes) {
      bits |= attribute.mask();
    }
    return new TpmaObject(bits);
  }

  public boolean has(Attribute attribute) {
    return (bits & attribute.mask) != 0;
  }

  static boolean isValid(int bits) {
    return (bits & ~KNOWN) == 0;
  }

  /** For people, for instance FIXED_TPM|SIGN. */
  @Override
  public String toString() {
    return Arrays.stream(Attribute.values())
        .filter(this::has)
        .map(Enum::name)
        .collect(Collectors.joining("|"));
  }
}
