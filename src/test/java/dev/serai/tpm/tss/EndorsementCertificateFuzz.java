package dev.serai.tpm.tss;

import static dev.serai.tpm.wire.WireFixtures.fixture;

import dev.serai.fuzz.Fuzzed;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.List;

/** What a vendor left in the TPM's NV: any bytes. */
public final class EndorsementCertificateFuzz {
  private static final int RSA_CERTIFICATE = 0x01c00002;
  private static final int CHAIN = 0x01c00100;
  private static final TpmtPublic EK = ek();

  private EndorsementCertificateFuzz() {}

  public static void nv(byte[] in) {
    Bytes content = Bytes.copyOf(in);
    EndorsementCertificates certificates =
        new EndorsementCertificates(
            (first, last) -> List.of(RSA_CERTIFICATE, CHAIN), index -> content);
    List<Bytes> found = certificates.find(KeyRef.Endorsement.RSA_2048, EK);
    Fuzzed.check(found.isEmpty(), "no certificate is for a key it does not name");
  }

  private static TpmtPublic ek() {
    try {
      return TpmtPublic.parseSized(fixture("keylime/quote/ek.pub"));
    } catch (MalformedStructureException e) {
      throw new IllegalStateException(e);
    }
  }
}
