package dev.serai.tpm.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class PcrStructuresTest {

  private static PcrSelection twoBanks(TpmHash first, TpmHash second) {
    Map<TpmHash, SortedSet<Integer>> banks = new LinkedHashMap<>();
    banks.put(first, new TreeSet<>(Arrays.asList(0, 1, 2, 3, 4, 5, 6, 7, 10)));
    banks.put(second, new TreeSet<>(Arrays.asList(7, 23)));
    return new PcrSelection(banks);
  }

  @Test
  void the_order_of_banks_is_kept_and_counts() throws Exception {
    PcrSelection selection = twoBanks(TpmHash.SHA256, TpmHash.SHA1);
    assertThat(selection.encoded().toHex()).isEqualTo("00000002000b03ff04000004" + "03800080");
    assertThat(PcrSelection.parse(selection.encoded())).isEqualTo(selection);
    assertThat(twoBanks(TpmHash.SHA1, TpmHash.SHA256)).isNotEqualTo(selection);
    assertThat(selection).hasToString("sha256:0,1,2,3,4,5,6,7,10+sha1:7,23");
  }

  @Test
  void masks_of_keylime_are_read_in_hex_and_decimal() {
    assertThat(PcrSelection.ofKeylimeMask(TpmHash.SHA256, "0x408000"))
        .isEqualTo(PcrSelection.of(TpmHash.SHA256, 15, 22));
    assertThat(PcrSelection.ofKeylimeMask(TpmHash.SHA256, "1024"))
        .isEqualTo(PcrSelection.of(TpmHash.SHA256, 10));
    assertThat(PcrSelection.of(TpmHash.SHA256, 15, 22).mask(TpmHash.SHA256)).isEqualTo(0x408000);
    assertThat(PcrSelection.of(TpmHash.SHA256, 15, 22).mask(TpmHash.SHA1)).isZero();
    for (String wrong : new String[] {"", "x", "0x1000000", "-1", "99999999999"}) {
      assertThatThrownBy(() -> PcrSelection.ofKeylimeMask(TpmHash.SHA256, wrong))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void values_of_two_banks_survive_the_file_format() throws Exception {
    PcrSelection selection = twoBanks(TpmHash.SHA256, TpmHash.SHA1);
    Map<TpmHash, SortedMap<Integer, Bytes>> values = new LinkedHashMap<>();
    selection
        .pcrs()
        .forEach(
            (bank, indices) -> {
              SortedMap<Integer, Bytes> ofBank = new TreeMap<>();
              indices.forEach(
                  i -> ofBank.put(i, Bytes.ofHex("%02x".formatted(i).repeat(bank.digestLength()))));
              values.put(bank, ofBank);
            });
    PcrBlob blob = PcrBlob.of(selection, values);

    assertThat(blob.encoded().size()).isEqualTo(132 + 4 + 2 * 532);
    assertThat(PcrBlob.parse(blob.encoded())).isEqualTo(blob);
    assertThat(PcrBlob.parse(blob.encoded()).byIndex()).isEqualTo(values);
  }

  @Test
  void a_missing_value_is_no_blob() {
    PcrSelection selection = PcrSelection.of(TpmHash.SHA256, 0, 1);
    assertThatThrownBy(
            () ->
                PcrBlob.of(
                    selection,
                    Map.of(TpmHash.SHA256, new TreeMap<>(Map.of(0, Bytes.ofHex("00".repeat(32)))))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("sha256:1");
  }
}
