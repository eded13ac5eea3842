package dev.serai.tpm;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BytesTest {
  @Test
  void content_decides_equality_and_copies_protect_it() {
    byte[] source = {1, 2, 3};
    Bytes bytes = Bytes.copyOf(source);
    source[0] = 9;
    bytes.toArray()[1] = 9;
    assertThat(bytes).isEqualTo(Bytes.ofHex("010203")).isNotEqualTo(Bytes.ofHex("010204"));
  }

  @Test
  void concat_and_slice_keep_order() {
    Bytes all = Bytes.concat(Bytes.ofHex("01"), Bytes.EMPTY, Bytes.ofHex("0203"));
    assertThat(all.toHex()).isEqualTo("010203");
    assertThat(all.slice(1, 2).toHex()).isEqualTo("0203");
  }
}
