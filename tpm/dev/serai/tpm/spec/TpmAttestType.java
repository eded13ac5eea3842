package dev.serai.tpm.spec;

import java.util.Optional;

/** Kinds of attestation, TPMI_ST_ATTEST. Part 2, "TPMI_ST_ATTEST". */
public enum TpmAttestType {
  NV(0x8014),
  COMMAND_AUDIT(0x8015),
  SESSION_AUDIT(0x8016),
  CERTIFY(0x8017),
  QUOTE(0x8018),
  TIME(0x8019),
  CREATION(0x801a),
  NV_DIGEST(0x801c);

  private final int id;

  TpmAttestType(int id) {
    this.id = id;
  }

  /** TPM_ST. */
  public int id() {
    return id;
  }

  public static Optional<TpmAttestType> byId(int id) {
    for (TpmAttestType type : values()) {
      if (type.id == id) {
        return Optional.of(type);
      }
    }
    return Optional.empty();
  }
}
