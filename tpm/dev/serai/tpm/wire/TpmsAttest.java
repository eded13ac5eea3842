package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.TpmClock;
import dev.serai.tpm.spec.TpmAttestType;
import dev.serai.tpm.spec.TpmConstants;
import dev.serai.tpm.spec.TpmHash;
import java.util.Optional;

/**
 * A statement that a TPM signed, with the bytes it came as. Part 2, "TPMS_ATTEST".
 *
 * @param encoded what the signature covers
 * @param qualifiedSigner Qualified Name of the signing key, a handle, or empty
 * @param extraData the caller's qualifying data, here a nonce
 * @param firmwareVersion as the manufacturer numbers it, 64 bits
 */
public record TpmsAttest(
    Bytes encoded,
    Bytes qualifiedSigner,
    Bytes extraData,
    TpmClock clock,
    long firmwareVersion,
    Body body) {
  /** More than the largest quote over every bank. */
  private static final int MAX_SIZE = 2304;

  private static final int MAX_DIGEST = TpmHash.SHA512.digestLength();
  private static final int MAX_NAME = 2 + MAX_DIGEST;

  /** TPMT_HA of the largest hash; part 2, "TPM2B_DATA". */
  private static final int MAX_EXTRA_DATA = 2 + MAX_DIGEST;

  /** What is attested. */
  public sealed interface Body permits Quote, Certify, Other {
    TpmAttestType type();
  }

  /** Part 2, "TPMS_QUOTE_INFO". */
  public record Quote(PcrSelection selection, Bytes pcrDigest) implements Body {
    @Override
    public TpmAttestType type() {
      return TpmAttestType.QUOTE;
    }
  }

  /** Part 2, "TPMS_CERTIFY_INFO". */
  public record Certify(TpmName name, TpmName qualifiedName) implements Body {
    @Override
    public TpmAttestType type() {
      return TpmAttestType.CERTIFY;
    }
  }

  /** A kind we know the name of and have no use for. */
  public record Other(TpmAttestType type, Bytes content) implements Body {}

  /** The whole input must be used. */
  public static TpmsAttest parse(Bytes encoded) throws MalformedStructureException {
    WireReader in = new WireReader("TPMS_ATTEST", encoded);
    if (encoded.size() > MAX_SIZE) {
      throw in.malformed("longer than " + MAX_SIZE + " bytes");
    }
    long magic = in.uint32();
    if (magic != TpmConstants.GENERATED_VALUE) {
      throw in.malformed("magic 0x%08x is not TPM_GENERATED_VALUE".formatted(magic));
    }
    int id = in.uint16();
    Optional<TpmAttestType> type = TpmAttestType.byId(id);
    if (type.isEmpty()) {
      throw in.malformed("unknown type 0x%04x".formatted(id));
    }
    Bytes qualifiedSigner = in.sized(MAX_NAME);
    Bytes extraData = in.sized(MAX_EXTRA_DATA);
    TpmClock clock = new TpmClock(in.uint64(), in.uint32(), in.uint32(), yesNo(in));
    long firmwareVersion = in.uint64();
    Body body =
        switch (type.get()) {
          case QUOTE -> new Quote(PcrSelection.read(in), in.sized(MAX_DIGEST));
          case CERTIFY -> new Certify(name(in), name(in));
          default -> new Other(type.get(), in.exactly(in.remaining()));
        };
    in.end();
    return new TpmsAttest(encoded, qualifiedSigner, extraData, clock, firmwareVersion, body);
  }

  private static TpmName name(WireReader in) throws MalformedStructureException {
    return TpmName.parse(in.sized(MAX_NAME));
  }

  private static boolean yesNo(WireReader in) throws MalformedStructureException {
    int value = in.uint8();
    if (value > 1) {
      throw in.malformed("TPMI_YES_NO is " + value);
    }
    return value == 1;
  }
}
