package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.serai.flow.Timeline;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.role.RoleView;
import dev.serai.testing.Browser;
import dev.serai.testing.SeraiHarness;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import org.apache.camel.Processor;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real browser draws the diagram of a route, with counters that move. */
@Tag("slow")
class ConsoleInBrowserTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final String HOSTILE =
      "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>\"&amp;${x}";
  @TempDir Path routes;

  private static final class TrialRole implements Role {
    @Override
    public String name() {
      return "trial";
    }

    @Override
    public void bind(RoleContext context) {
      Reason reason = new Reason(ReasonCode.EVIDENCE_MALFORMED, "detail " + HOSTILE);
      Timeline.of(context)
          .record(
              Timeline.Kind.ATTESTATION,
              "trial",
              "subject " + HOSTILE,
              "REJECTED",
              List.of(reason));
      context.bind(
          "roleView-trial",
          new RoleView() {
            @Override
            public List<Node> nodes() {
              return List.of(
                  new Node(
                      "id " + HOSTILE,
                      HOSTILE,
                      HOSTILE,
                      List.of(reason),
                      HOSTILE,
                      Optional.empty(),
                      Optional.empty(),
                      Optional.empty(),
                      Optional.of(HOSTILE)));
            }
          });
      context.bind("judge", (Processor) exchange -> exchange.getMessage().setBody("judged"));
    }
  }

  @Test
  void the_diagram_of_a_route_is_drawn_with_live_counters_and_hostile_text_stays_text()
      throws Exception {
    assumeTrue(Browser.isInstalled(), "no Chromium on this machine");
    Files.writeString(
        routes.resolve("judge-node.camel.yaml"),
        """
        - route:
            id: judge-node
            description: Judges one node
            from:
              uri: timer:judge
              parameters: {period: 200}
              steps:
                - process: {id: judge-evidence, ref: judge}
                - to: {id: to-conclude, uri: "direct:conclude"}
        - route:
            id: conclude
            from:
              uri: direct:conclude
              steps:
                - process: {id: conclude-verdict, ref: judge}
        """);
    try (SeraiHarness serai =
            SeraiHarness.roles().withRole(new TrialRole()).withRoutes(routes).start();
        Browser browser = new Browser()) {
      String base = "http://127.0.0.1:" + serai.port("serai.management.port");
      String password = Files.readString(serai.stateDir().resolve("hawtio-password")).trim();
      browser.authorization(
          "Basic "
              + Base64.getEncoder()
                  .encodeToString(("serai:" + password).getBytes(StandardCharsets.UTF_8)));
      browser.open(base + "/hawtio/camel");
      click(browser, "judge-node");
      click(browser, "Route Diagram");
      Awaitility.await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(diagram(browser)).contains("judge-evidence"));
      long before = counter(browser);
      Awaitility.await().atMost(PATIENCE).until(() -> counter(browser) > before);
      // As somebody opens it who puts user and password into the address.
      hostileTextStaysText(browser, base.replace("//", "//serai:" + password + "@"));
    }
  }

  /** What a node wrote is shown letter by letter, and the page can be used without a mouse. */
  private static void hostileTextStaysText(Browser browser, String base) {
    browser.open(base + "/");
    Awaitility.await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(
                        browser.evaluate(
                            "(document.getElementById('nodes-list')||{textContent:''}).textContent"
                                + " + (document.getElementById('events')||{textContent:''})"
                                + ".textContent"))
                    .contains("id " + HOSTILE, "detail " + HOSTILE, "subject " + HOSTILE));
    assertThat(browser.evaluate("String(window.hacked)")).isEqualTo("undefined");
    assertThat(
            browser.evaluate(
                "String(document.querySelectorAll('main img, main script, main iframe').length)"))
        .isEqualTo("0");
    browser.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '"
            + HOSTILE.replace("'", "")
            + "')");
    browser.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend',"
            + " '<button id=trap onclick=\"window.hacked=2\">x</button>')");
    browser.evaluate("document.getElementById('trap').click()");
    assertThat(browser.evaluate("String(window.hacked)"))
        .as("were there markup, the policy would stop its script")
        .isEqualTo("undefined");
    browser.press("Tab", 9);
    assertThat(browser.evaluate("document.activeElement.textContent")).isEqualTo("To the content");
    browser.press("Tab", 9);
    assertThat(browser.evaluate("document.activeElement.getAttribute('href')"))
        .isEqualTo("/hawtio/camel");
  }

  /** Clicks the innermost element that shows this very text, once it is there. */
  private static void click(Browser browser, String text) {
    Awaitility.await()
        .atMost(PATIENCE)
        .until(
            () ->
                browser
                    .evaluate(
                        """
                        (() => {
                          for (const e of document.querySelectorAll('button,a,span,li')) {
                            if (e.textContent.trim() === '%s' && e.children.length === 0) {
                              e.click();
                              return 'clicked';
                            }
                          }
                          return 'not there';
                        })()
                        """
                            .formatted(text))
                    .equals("clicked"));
  }

  private static String diagram(Browser browser) {
    return browser.evaluate(
        "(document.querySelector('.camel-route-diagram')||{textContent:''}).textContent");
  }

  /** The largest number that the diagram shows. */
  private static long counter(Browser browser) {
    return Long.parseLong(
        browser.evaluate(
            "String(Math.max(0, ...[...document.querySelectorAll('.camel-route-diagram *')]"
                + ".filter(e => e.children.length === 0)"
                + ".map(e => e.textContent.trim()).filter(t => /^[0-9]+$/.test(t)).map(Number)))"));
  }
}
