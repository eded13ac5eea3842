package dev.serai.tpm.wire;

import static dev.serai.tpm.wire.WireFixtures.fixture;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Bytes that are not what they claim end in MalformedStructureException and nothing else. */
class MalformedStructuresTest {

  private interface Parser {
    Object parse(Bytes encoded) throws MalformedStructureException;
  }

  private record Sample(String name, Bytes bytes, Parser parser) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Sample> samples() {
    return Stream.of(
        new Sample("P-256 key", fixture("realkernel/p256-quote/ak.pub"), TpmtPublic::parseSized),
        new Sample("RSA key", fixture("keylime/quote/ek.pub"), TpmtPublic::parseSized),
        new Sample("Name", fixture("keylime/quote/ak.name"), TpmName::parse),
        new Sample("quote", fixture("realkernel/p256-quote/quote.msg"), TpmsAttest::parse),
        new Sample(
            "ECDSA signature", fixture("realkernel/p256-quote/quote.sig"), TpmtSignature::parse),
        new Sample("RSA signature", fixture("keylime/quote/quotesig.out"), TpmtSignature::parse),
        new Sample("PCR values", fixture("realkernel/p256-quote/quote.pcrs"), PcrBlob::parse),
        new Sample("credential", fixture("keylime/quote/mkcred.out"), CredentialBlob::parseFile),
        new Sample(
            "PCR selection",
            PcrSelection.of(TpmHash.SHA256, 0, 7, 23).encoded(),
            PcrSelection::parse));
  }

  @ParameterizedTest
  @MethodSource("samples")
  void the_sample_itself_is_read(Sample sample) throws Exception {
    assertThat(sample.parser().parse(sample.bytes())).isNotNull();
  }

  @ParameterizedTest
  @MethodSource("samples")
  void every_truncation_is_malformed(Sample sample) {
    for (int size = 0; size < sample.bytes().size(); size++) {
      Bytes cut = sample.bytes().slice(0, size);
      assertThatThrownBy(() -> sample.parser().parse(cut))
          .as("%d bytes", size)
          .isInstanceOf(MalformedStructureException.class);
    }
  }

  @ParameterizedTest
  @MethodSource("samples")
  void a_byte_too_many_is_malformed(Sample sample) {
    Bytes longer = Bytes.concat(sample.bytes(), Bytes.ofHex("00"));
    assertThatThrownBy(() -> sample.parser().parse(longer))
        .isInstanceOf(MalformedStructureException.class);
  }

  /** A flipped bit may give another valid structure, but never another exception. */
  @ParameterizedTest
  @MethodSource("samples")
  void every_flipped_bit_is_read_or_malformed(Sample sample) {
    for (int bit = 0; bit < 8 * sample.bytes().size(); bit++) {
      byte[] changed = sample.bytes().toArray();
      changed[bit / 8] ^= (byte) (1 << bit % 8);
      readOrMalformed(sample, Bytes.copyOf(changed));
    }
  }

  @ParameterizedTest
  @MethodSource("samples")
  void noise_is_read_or_malformed(Sample sample) {
    Random random = new Random(20261124);
    for (int round = 0; round < 20_000; round++) {
      byte[] changed = sample.bytes().toArray();
      for (int i = random.nextInt(8); i >= 0; i--) {
        changed[random.nextInt(changed.length)] = (byte) random.nextInt(256);
      }
      readOrMalformed(sample, Bytes.copyOf(changed));
    }
  }

  private static void readOrMalformed(Sample sample, Bytes bytes) {
    try {
      assertThat(sample.parser().parse(bytes)).isNotNull();
    } catch (MalformedStructureException e) {
      assertThat(e).hasMessageContaining(":");
    }
  }

  @Test
  void lengths_of_four_gibibytes_are_refused_before_anything_is_allocated() {
    Bytes selections = Bytes.ofHex("ffffffff000b03ffffff");
    assertThatThrownBy(() -> PcrSelection.parse(selections))
        .isInstanceOf(MalformedStructureException.class);
    Bytes values =
        Bytes.concat(
            fixture("realkernel/p256-quote/quote.pcrs").slice(0, 132), Bytes.ofHex("ffffffff"));
    assertThatThrownBy(() -> PcrBlob.parse(values)).isInstanceOf(MalformedStructureException.class);
  }

  @Test
  void a_point_off_the_curve_is_no_key() {
    byte[] key = fixture("realkernel/p256-quote/ak.pub").toArray();
    key[key.length - 1] ^= 1;
    assertThatThrownBy(() -> TpmtPublic.parseSized(Bytes.copyOf(key)))
        .isInstanceOf(MalformedStructureException.class)
        .hasMessageContaining("not on P256");
  }

  @Test
  void a_truth_value_that_is_neither_yes_nor_no_is_malformed() {
    byte[] quote = fixture("realkernel/p256-quote/quote.msg").toArray();
    int safe = 4 + 2 + 2 + 34 + 2 + 16 + 16;
    quote[safe] = 2;
    assertThatThrownBy(() -> TpmsAttest.parse(Bytes.copyOf(quote)))
        .isInstanceOf(MalformedStructureException.class)
        .hasMessageContaining("TPMI_YES_NO");
  }

  @Test
  void a_bank_twice_is_malformed() {
    assertThatThrownBy(() -> PcrSelection.parse(Bytes.ofHex("00000002000b03010000000b03020000")))
        .isInstanceOf(MalformedStructureException.class)
        .hasMessageContaining("twice");
  }

  @Test
  void a_select_of_another_size_is_malformed() {
    assertThatThrownBy(() -> PcrSelection.parse(Bytes.ofHex("00000001000b0401000000")))
        .isInstanceOf(MalformedStructureException.class);
  }
}
