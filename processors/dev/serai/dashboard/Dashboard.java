package dev.serai.dashboard;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.flow.FlowRecorder;
import dev.serai.flow.Timeline;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.camel.CamelContext;

/** The page and its JSON, both only to be read. Who may see them is decided before. */
public final class Dashboard implements AutoCloseable {
  /** What is served below it, beside the page itself at "/". */
  public static final String PATH = "/dashboard";

  /** Only our own files, no script in the page, nothing from elsewhere. */
  public static final String CONTENT_SECURITY_POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
          + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  private static final String API = PATH + "/api/";
  private static final String FILES = "config/dashboard/";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern FLOW = Pattern.compile("flows/([0-9a-f]{32})");
  private static final Pattern LIMIT = Pattern.compile("(?:.*&)?limit=([0-9]{1,6})(?:&.*)?");
  private static final int FEW = 100;

  /** Path to file and type. */
  private static final Map<String, String[]> PAGES =
      Map.of(
          "/",
          new String[] {"index.html", "text/html; charset=utf-8"},
          PATH + "/dashboard.js",
          new String[] {"dashboard.js", "text/javascript; charset=utf-8"},
          PATH + "/dashboard.css",
          new String[] {"dashboard.css", "text/css; charset=utf-8"},
          PATH + "/icon.svg",
          new String[] {"icon.svg", "image/svg+xml"});

  private final DashboardViews views;

  /**
   * @param health the readiness of the process and its roles
   */
  public Dashboard(
      CamelContext camel,
      Supplier<Map<String, Object>> health,
      Timeline timeline,
      FlowRecorder flows,
      InstantSource clock) {
    this.views = new DashboardViews(camel, health, timeline, flows, clock);
  }

  /** An answer. */
  public record Page(int status, String type, byte[] body) {
    private static Page json(Object value) {
      try {
        return new Page(200, "application/json", JSON.writeValueAsBytes(value));
      } catch (JsonProcessingException e) {
        throw new IllegalStateException(e);
      }
    }

    private static Page none() {
      return new Page(
          404,
          "text/plain; charset=utf-8",
          "UNKNOWN_OPERATION: no such page\n".getBytes(StandardCharsets.UTF_8));
    }
  }

  /**
   * @param path "/" or below {@link #PATH}
   */
  public Page page(String path, Optional<String> query) throws IOException {
    String[] file = PAGES.get(path);
    if (file != null) {
      return file(file[0], file[1]);
    }
    return path.startsWith(API) ? api(path.substring(API.length()), query.orElse("")) : Page.none();
  }

  private Page api(String what, String query) {
    int limit = limit(query);
    switch (what) {
      case "overview":
        return Page.json(views.overview());
      case "nodes":
        return Page.json(views.nodes());
      case "timeline":
        return Page.json(views.timeline(limit));
      case "breakers":
        return Page.json(views.breakers());
      case "documents":
        return Page.json(views.documents());
      case "flows":
        return Page.json(views.flows(limit, query.contains("refused=true")));
      default:
        Matcher flow = FLOW.matcher(what);
        return (flow.matches() ? views.flow(flow.group(1)) : Optional.<Object>empty())
            .map(Page::json)
            .orElseGet(Page::none);
    }
  }

  private static int limit(String query) {
    Matcher found = LIMIT.matcher(query);
    return found.matches() ? Math.min(Integer.parseInt(found.group(1)), Timeline.SIZE) : FEW;
  }

  private static Page file(String name, String type) throws IOException {
    try (InputStream in = Dashboard.class.getClassLoader().getResourceAsStream(FILES + name)) {
      return in == null ? Page.none() : new Page(200, type, in.readAllBytes());
    }
  }

  @Override
  public void close() {
    views.close();
  }
}
