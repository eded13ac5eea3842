package dev.serai.location;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Endorsements, their keys, and identifiers of devices. */
public final class LocationFuzz {
  private LocationFuzz() {}

  /** Nobody is believed without a key. */
  public static void signed(byte[] in) throws MalformedStructureException {
    SignedEndorsement signed = SignedEndorsement.parse(Bytes.copyOf(in));
    assertThat(
            EndorsementVerifier.verify(
                signed,
                new EndorsementKeySet(List.of()),
                new EndorsementVerifier.Expected("n", Duration.ofMinutes(1), Optional.empty()),
                Instant.EPOCH))
        .isInstanceOf(EndorsementVerifier.Refuted.class);
    Endorsement endorsement = Endorsement.parse(signed.text());
    assertThat(Endorsement.parse(endorsement.signedBytes()).nonce()).isEqualTo(endorsement.nonce());
  }

  public static void keys(byte[] in) throws MalformedStructureException {
    EndorsementKeySet read = EndorsementKeySet.parse(Bytes.copyOf(in));
    assertThat(EndorsementKeySet.parse(read.json()).keys()).isEqualTo(read.keys());
  }

  public static void ids(byte[] in) {
    String text = Bytes.copyOf(in).toText();
    try {
      String number = DeviceIds.msisdn(text);
      assertThat(DeviceIds.msisdn(number)).isEqualTo(number);
    } catch (RefusalException e) {
      assertThat(e.getMessage()).doesNotContain(text.length() < 5 ? "\u0000" : text);
    }
  }
}
