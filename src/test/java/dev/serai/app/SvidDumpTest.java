package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.gate.Svids;
import dev.serai.testing.TestAuthority;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** serai svid dump, on files as agents and the prototype leave them. */
class SvidDumpTest {
  private static final TestAuthority AUTHORITY = new TestAuthority("test.example");
  private static final Svids SVIDS = new Svids(AUTHORITY);

  @TempDir Path dir;

  private static CommandLineTest.Called dump(String... arguments) {
    String[] all = new String[arguments.length + 2];
    all[0] = "svid";
    all[1] = "dump";
    System.arraycopy(arguments, 0, all, 2, arguments.length);
    return CommandLineTest.call(all);
  }

  private String file(String name, String content) throws Exception {
    return Files.writeString(dir.resolve(name), content).toString();
  }

  private static JsonNode json(CommandLineTest.Called called) throws Exception {
    return new ObjectMapper().readTree(called.out());
  }

  @Test
  void claims_in_both_forms_are_shown_as_they_stand() throws Exception {
    String strict = file("strict.pem", SVIDS.svid(Svids.mobile("both", "ab".repeat(32))));
    JsonNode leaf = json(dump(strict, "--json")).at("/certificates/0");
    assertThat(leaf.path("spiffeId").asText()).isEqualTo(Svids.ID);
    assertThat(leaf.path("privacy").asText()).isEqualTo("strict");
    assertThat(leaf.at("/claims/grc.geolocation/region").asText()).isEqualTo("madrid");
    assertThat(leaf.at("/claims/grc.geolocation/assurance").asText()).isEqualTo("both");

    String compat = file("compat.pem", SVIDS.svid(Svids.prototype(true)));
    CommandLineTest.Called called = dump(compat, "--json");
    assertThat(called.exit()).isZero();
    leaf = json(called).at("/certificates/0");
    assertThat(leaf.path("privacy").asText()).isEqualTo("compat");
    assertThat(leaf.at("/claims/grc.geolocation/mobile/sensor_imei").asText())
        .isEqualTo(Svids.IMEI);
    assertThat(leaf.at("/claims/grc.mno_endorsement/key_id").asText()).isEqualTo("lab");

    CommandLineTest.Called text = dump(strict);
    assertThat(text.exit()).isZero();
    assertThat(text.out())
        .contains(Svids.ID, "notAfter", "chainOrdered: true", "\"region\" : \"madrid\"");
  }

  @Test
  void a_chain_is_checked_by_signatures_and_against_a_bundle() throws Exception {
    String authority = Svids.pem(AUTHORITY.certificate());
    String svid = SVIDS.svid(Svids.WORKLOAD_ONLY);
    String bundle = file("bundle.pem", authority);
    CommandLineTest.Called good =
        dump(file("svid.pem", svid + authority), "--bundle", bundle, "--json");
    assertThat(good.exit()).as(good.out()).isZero();
    assertThat(json(good).path("chainOrdered").booleanValue()).isTrue();
    assertThat(json(good).path("trusted").booleanValue()).isTrue();
    assertThat(json(good).at("/certificates/0/issuedBy").asInt()).isEqualTo(1);
    assertThat(json(good).at("/certificates/1/authority").booleanValue()).isTrue();

    // The prototype appends the agent's SVID, which signed nothing.
    CommandLineTest.Called prototype =
        dump(file("two.pem", svid + SVIDS.svid(Svids.prototype(false))), "--json");
    assertThat(prototype.exit()).isEqualTo(1);
    assertThat(json(prototype).path("chainOrdered").booleanValue()).isFalse();
    assertThat(json(prototype).at("/certificates/0/issuedBy").isMissingNode()).isTrue();

    String stranger = file("other.pem", Svids.pem(new TestAuthority("test.example").certificate()));
    CommandLineTest.Called untrusted = dump(file("one.pem", svid), "--bundle", stranger, "--json");
    assertThat(untrusted.exit()).isEqualTo(1);
    assertThat(json(untrusted).path("trusted").booleanValue()).isFalse();
    assertThat(json(untrusted).path("problem").asText()).isNotEmpty();
  }

  @Test
  void a_plain_svid_a_bad_claim_and_no_certificate_are_told_apart() throws Exception {
    CommandLineTest.Called plain = dump(file("plain.pem", SVIDS.svid("")), "--json");
    assertThat(plain.exit()).isZero();
    assertThat(json(plain).at("/certificates/0/claims").isMissingNode()).isTrue();

    CommandLineTest.Called bad =
        dump(file("bad.pem", SVIDS.svid("{\"v\":1,", Duration.ofHours(1))), "--json");
    assertThat(bad.exit()).isEqualTo(1);
    assertThat(json(bad).at("/certificates/0/claimsProblem").asText())
        .startsWith("CLAIMS_MALFORMED");

    assertThat(dump(file("empty.pem", "")).err()).startsWith("serai: MALFORMED_REQUEST: ");
    assertThat(dump(dir.resolve("nowhere.pem").toString()).err())
        .startsWith("serai: MALFORMED_REQUEST: no file ");
    assertThat(dump().exit()).isEqualTo(2);
  }

  @Test
  void what_a_certificate_says_cannot_steer_the_terminal() throws Exception {
    String claims =
        "{\"v\":1,\"grc.workload\":{\"workload-id\":\"a\u202eb\u009bc\",\"key-source\":\"k\"}}";
    CommandLineTest.Called called = dump(file("odd.pem", SVIDS.svid(claims)));
    assertThat(called.out()).doesNotContain("\u202e").doesNotContain("\u009b");
  }
}
