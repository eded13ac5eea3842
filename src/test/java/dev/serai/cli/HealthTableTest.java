package dev.serai.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import org.junit.jupiter.api.Test;

class HealthTableTest {
  private static final String DOCUMENT =
      """
      {"ready":false,"uptimeSeconds":3725,
       "roles":[
        {"role":"issuer","ready":true,"state":"ISSUING","reason":null,"facts":{}},
        {"role":"agent","ready":false,"state":"TPM_UNAVAILABLE","facts":{},
         "reason":{"code":"TPM_BUSY","detail":"%s","remedy":"stop it, or use it"}}],
       "breakers":{
        "node":{"closed":998,"halfOpen":0,"open":1,"list":[
         {"name":"d432fbb3-d2f1-4a97-9ef7-75bd81c00000","state":"OPEN",
          "since":"2026-01-01T00:00:00Z","failures":4,"nextTry":"2026-01-01T00:00:30Z",
          "trouble":"AGENT_UNREACHABLE: no answer before serai.verifier.quote-deadline"}]},
        "provider":{"closed":1,"halfOpen":0,"open":0,"list":[
         {"name":"registrar","state":"CLOSED","since":"2026-01-01T00:00:00Z","failures":0,
          "nextTry":null,"trouble":""}]}},
       "routes":[
        {"id":"a-quiet-route","role":"issuer","state":"Started","started":true,
         "exchanges":{"total":12,"failed":0,"inflight":1},"restart":null,"lastFailure":null},
        {"id":"b-failing-route-with-a-very-long-name-indeed","role":"issuer","state":"Started",
         "started":true,"exchanges":{"total":1234567,"failed":34,"inflight":0},"restart":null,
         "lastFailure":{"code":"NODE_BANNED","at":"2026-01-01T00:00:00Z"}},
        {"id":"c-stopped","role":"agent","state":"Stopped","started":false,
         "exchanges":{"total":0,"failed":0,"inflight":0},"lastFailure":null,
         "restart":{"cause":"Address already in use","since":"2026-01-01T00:00:00Z","tries":7,
          "nextTry":"2026-01-01T00:01:00Z"}}]}
      """
          .formatted("held by process 4711 (tpm2-abrmd), which does not let go of it ".repeat(3));

  private final String table = table();
  private final List<String> lines = table.lines().toList();

  private static String table() {
    try {
      return HealthTable.of(new ObjectMapper().readTree(DOCUMENT));
    } catch (java.io.IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void the_first_line_says_what_is_wrong() {
    assertThat(lines.get(0)).isEqualTo("NOT READY: agent, up 1h2m");
  }

  @Test
  void no_line_is_wider_than_a_terminal() {
    assertThat(lines).allMatch(line -> line.length() <= 80);
  }

  @Test
  void what_is_wrong_comes_first() {
    assertThat(at("agent      no")).isLessThan(at("issuer     yes"));
    assertThat(at("c-stopped")).isLessThan(at("b-failing"));
    assertThat(at("b-failing")).isLessThan(at("a-quiet-route"));
  }

  @Test
  void reasons_breakers_and_restarts_are_spelt_out() {
    assertThat(table)
        .contains("  TPM_BUSY: held by process 4711")
        .contains("  remedy: stop it, or use it")
        .contains("d432fbb3-d2f1-4a97-9ef7-75bd81c00000 OPEN since 2026-01-01T00:00:00Z")
        .contains("AGENT_UNREACHABLE: no answer")
        .contains("does not start: Address already in use (tried 7 times")
        .contains("last: NODE_BANNED at 2026-01-01T00:00:00Z")
        .doesNotContain("registrar CLOSED");
  }

  private int at(String begin) {
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).startsWith(begin)) {
        return i;
      }
    }
    throw new AssertionError("no line begins with " + begin + " in\n" + table);
  }
}
