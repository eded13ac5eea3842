package dev.serai.spiffe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SpiffeIdTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "spiffe://example.org",
        "spiffe://example.org/a",
        "spiffe://10.0.0.1/a",
        "spiffe://e_x-a.mple/A/b.c/_-/...",
        "spiffe://example.org/.hidden"
      })
  void accepts_and_prints_lawful_ids(String text) {
    assertThat(SpiffeId.parse(text)).hasToString(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "example.org/a",
        "https://example.org/a",
        "spiffe:/example.org/a",
        "spiffe://",
        "spiffe:///a",
        "spiffe://user@example.org/a",
        "spiffe://example.org:8080/a",
        "spiffe://example.org:/a",
        "spiffe://[::1]/a",
        "spiffe://ex%61mple.org/a",
        "spiffe://example.org/",
        "spiffe://example.org/a/",
        "spiffe://example.org//a",
        "spiffe://example.org/./a",
        "spiffe://example.org/a/..",
        "spiffe://example.org/%61",
        "spiffe://example.org/ü",
        "spiffe://example.org/a b",
        "spiffe://example.org/a?q=1",
        "spiffe://example.org?q=1",
        "spiffe://example.org/a#f",
        "spiffe://example.org#f",
        "\u017fpiffe://example.org/a",
        "sp\u0130ffe://example.org/a",
        "spiffe://\u212a.example/a",
        " spiffe://example.org/a",
        "spiffe://example.org/a\n"
      })
  void refuses_everything_else(String text) {
    assertThatThrownBy(() -> SpiffeId.parse(text)).isInstanceOf(InvalidSpiffeIdException.class);
  }

  @Test
  void scheme_and_trust_domain_know_no_case_and_the_path_does() {
    assertThat(SpiffeId.parse("SPIFFE://Example.ORG/Path"))
        .hasToString("spiffe://example.org/Path");
    assertThat(SpiffeId.parse("spiffe://example.org/a"))
        .isNotEqualTo(SpiffeId.parse("spiffe://example.org/A"));
  }

  @Test
  void takes_2048_bytes_and_not_one_more() {
    String full = "spiffe://example.org/" + "a".repeat(2048 - "spiffe://example.org/".length());
    assertThat(SpiffeId.parse(full).toString()).hasSize(2048);
    assertThatThrownBy(() -> SpiffeId.parse(full + "a")).hasMessageContaining("2048");
  }

  @Test
  void takes_a_trust_domain_of_255_bytes_and_not_one_more() {
    assertThat(TrustDomain.parse("a".repeat(255)).name()).hasSize(255);
    assertThatThrownBy(() -> TrustDomain.parse("a".repeat(256))).hasMessageContaining("255");
  }

  @Test
  void a_trust_domain_is_read_from_its_id_too() {
    assertThat(TrustDomain.parse("spiffe://example.org"))
        .isEqualTo(TrustDomain.parse("example.org"));
    assertThatThrownBy(() -> TrustDomain.parse("spiffe://example.org/a"))
        .isInstanceOf(InvalidSpiffeIdException.class);
  }

  @Test
  void letters_that_java_takes_for_ascii_ones_are_no_letters_of_a_trust_domain() {
    assertThatThrownBy(() -> TrustDomain.parse("\u212a.example"))
        .isInstanceOf(InvalidSpiffeIdException.class);
  }

  @Test
  void spire_and_below_is_reserved() {
    assertThat(SpiffeId.parse("spiffe://a/spire").isReserved()).isTrue();
    assertThat(SpiffeId.parse("spiffe://a/spire/agent/x/y").isReserved()).isTrue();
    assertThat(SpiffeId.parse("spiffe://a/spires").isReserved()).isFalse();
  }

  @Test
  void a_selector_keeps_colons_in_its_value() {
    assertThat(Selector.parse("unix:uid:0")).isEqualTo(new Selector("unix", "uid:0"));
    assertThatThrownBy(() -> new Selector("a:b", "c")).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Selector.parse("abc")).isInstanceOf(IllegalArgumentException.class);
  }
}
