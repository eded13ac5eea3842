package dev.serai.dashboard;

import dev.serai.flow.Flow;
import dev.serai.flow.FlowRecorder;
import dev.serai.flow.Timeline;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.role.RoleView;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.camel.CamelContext;

/** The dashboard's documents, as plain values for JSON. */
final class DashboardViews implements AutoCloseable {
  private static final int MOST_NODES = 500;
  private static final int FEW_EVENTS = 100;
  private static final int FEW_FLOWS = 200;

  /** What wants to be looked at comes first; a state that is not named here comes between. */
  private static final List<String> TROUBLE_FIRST =
      List.of("UNTRUSTED", "UNREACHABLE", "DENIED", "BANNED", "TPM_UNAVAILABLE", "WAITING");

  private static final List<String> WELL = List.of("TRUSTED", "ATTESTED");

  private final CamelContext camel;
  private final Supplier<Map<String, Object>> health;
  private final Timeline timeline;
  private final FlowRecorder flows;
  private final InstantSource clock;
  private final Instant started;
  private final ExecutorService threads =
      Executors.newFixedThreadPool(
          3,
          action -> {
            Thread thread = new Thread(action, "serai-dashboard");
            thread.setDaemon(true);
            return thread;
          });
  private final Gathered<List<RoleView.Node>> nodes = new Gathered<>(this::gatherNodes, threads);
  private final Gathered<List<RoleView.Document>> documents =
      new Gathered<>(() -> gather(RoleView::documents), threads);
  private final Gathered<List<RoleView.Breaker>> breakers =
      new Gathered<>(() -> gather(RoleView::breakers), threads);

  DashboardViews(
      CamelContext camel,
      Supplier<Map<String, Object>> health,
      Timeline timeline,
      FlowRecorder flows,
      InstantSource clock) {
    this.camel = camel;
    this.health = health;
    this.timeline = timeline;
    this.flows = flows;
    this.clock = clock;
    this.started = clock.instant();
  }

  Map<String, Object> overview() {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("process", process());
    view.put("nodes", nodes());
    view.put("timeline", timeline(FEW_EVENTS));
    view.put("breakers", breakers());
    view.put("documents", documents());
    view.put("flows", flows(FEW_FLOWS, false));
    return view;
  }

  private Map<String, Object> process() {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("now", clock.instant().toString());
    view.put("startedAt", started.toString());
    view.put("trustDomain", camel.resolvePropertyPlaceholders("{{?serai.trust-domain}}"));
    view.putAll(health.get());
    return view;
  }

  Map<String, Object> nodes() {
    Gathered.View<List<RoleView.Node>> known = nodes.get();
    List<RoleView.Node> all = known.value().orElse(List.of());
    Map<String, Integer> byState = new TreeMap<>();
    all.forEach(node -> byState.merge(node.state(), 1, Integer::sum));
    Map<String, Object> view = aged(known);
    view.put("total", all.size());
    view.put("byState", byState);
    view.put("list", all.stream().limit(MOST_NODES).map(DashboardViews::node).toList());
    return view;
  }

  private static Map<String, Object> node(RoleView.Node node) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("id", node.id());
    view.put("spiffeId", node.spiffeId());
    view.put("state", node.state());
    view.put("reasons", reasons(node.reasons()));
    view.put("attestedBy", node.attestedBy());
    view.put("lastVerdictAt", text(node.lastVerdictAt()));
    view.put("svidNotAfter", text(node.svidNotAfter()));
    view.put("lookAt", text(node.lookAt()));
    view.put("breaker", node.breaker().orElse(null));
    return view;
  }

  Map<String, Object> timeline(int limit) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("list", timeline.latest(limit).stream().map(DashboardViews::event).toList());
    return view;
  }

  private static Map<String, Object> event(Timeline.Event event) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("number", event.number());
    view.put("at", event.at().toString());
    view.put("kind", event.kind().name());
    view.put("source", event.source());
    view.put("subject", event.subject());
    view.put("outcome", event.outcome());
    view.put("reasons", reasons(event.reasons()));
    view.put("traceId", event.traceId().orElse(null));
    return view;
  }

  Map<String, Object> breakers() {
    Gathered.View<List<RoleView.Breaker>> known = breakers.get();
    List<RoleView.Breaker> all = new ArrayList<>(known.value().orElse(List.of()));
    for (RoleView.Node node : nodes.get().value().orElse(List.of())) {
      node.breaker().ifPresent(state -> all.add(new RoleView.Breaker("node " + node.id(), state)));
    }
    all.sort(
        Comparator.comparing((RoleView.Breaker breaker) -> breaker.state().equals("CLOSED"))
            .thenComparing(RoleView.Breaker::name));
    Map<String, Integer> byState = new TreeMap<>();
    all.forEach(breaker -> byState.merge(breaker.state(), 1, Integer::sum));
    Map<String, Object> view = aged(known);
    view.put("total", all.size());
    view.put("byState", byState);
    view.put(
        "list",
        all.stream()
            .limit(MOST_NODES)
            .map(
                breaker ->
                    Map.of(
                        "name", breaker.name(),
                        "state", breaker.state(),
                        "trouble", breaker.trouble()))
            .toList());
    return view;
  }

  Map<String, Object> documents() {
    Gathered.View<List<RoleView.Document>> known = documents.get();
    Instant now = clock.instant();
    List<RoleView.Document> all = known.value().orElse(List.of());
    Map<String, Object> view = aged(known);
    view.put("total", all.size());
    view.put(
        "list",
        all.stream()
            .sorted(Comparator.comparing(RoleView.Document::notAfter))
            .limit(MOST_NODES)
            .map(document -> document(document, now))
            .toList());
    return view;
  }

  private static Map<String, Object> document(RoleView.Document document, Instant now) {
    boolean ended = !now.isBefore(document.notAfter());
    boolean late = document.lateFrom().filter(from -> !now.isBefore(from)).isPresent();
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("kind", document.kind());
    view.put("id", document.id());
    view.put("notBefore", document.notBefore().toString());
    view.put("notAfter", document.notAfter().toString());
    view.put("standing", ended ? "ENDED" : late ? "LATE" : "GOOD");
    return view;
  }

  Map<String, Object> flows(int limit, boolean refusedOnly) {
    List<Flow> all = flows.flows();
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("total", all.size());
    view.put(
        "list",
        all.stream()
            .filter(flow -> !refusedOnly || flow.refusedWith().isPresent())
            .limit(limit)
            .map(DashboardViews::summary)
            .toList());
    return view;
  }

  private static Map<String, Object> summary(Flow flow) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("traceId", flow.traceId());
    view.put("entryRoute", flow.entryRoute());
    view.put("routes", flow.routes());
    view.put("startedAt", flow.startedAt().toString());
    view.put("tookMicros", flow.tookMicros());
    view.put("running", flow.running());
    view.put("steps", flow.steps().size());
    view.put("refusedWith", flow.refusedWith().map(ReasonCode::name).orElse(null));
    return view;
  }

  Optional<Object> flow(String traceId) {
    return flows.flow(traceId).map(DashboardViews::whole);
  }

  private static Map<String, Object> whole(Flow flow) {
    Map<String, Object> view = summary(flow);
    view.put("remedy", flow.refusedWith().map(ReasonCode::remedy).orElse(null));
    view.put("stepsNotKept", flow.left());
    view.put(
        "steps",
        flow.steps().stream()
            .map(
                step -> {
                  Map<String, Object> one = new LinkedHashMap<>();
                  one.put("route", step.routeId());
                  one.put("step", step.stepId());
                  one.put("kind", step.kind());
                  one.put("startMicros", step.startMicros());
                  one.put("tookMicros", step.tookMicros().orElse(null));
                  one.put("refusedWith", step.refusedWith().map(ReasonCode::name).orElse(null));
                  return one;
                })
            .toList());
    return view;
  }

  private static List<Map<String, Object>> reasons(List<Reason> reasons) {
    List<Map<String, Object>> views = new ArrayList<>();
    for (Reason reason : reasons) {
      Map<String, Object> view = new LinkedHashMap<>();
      view.put("code", reason.code().name());
      view.put("detail", reason.detail());
      view.put("remedy", reason.code().remedy());
      views.add(view);
    }
    return views;
  }

  private static String text(Optional<Instant> time) {
    return time.filter(at -> at.isAfter(Instant.EPOCH)).map(Instant::toString).orElse(null);
  }

  private static Map<String, Object> aged(Gathered.View<?> known) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("ageSeconds", known.age().toSeconds());
    view.put("stale", known.stale());
    return view;
  }

  private <T> List<T> gather(Function<RoleView, List<T>> question) {
    return roleViews().stream().flatMap(view -> question.apply(view).stream()).toList();
  }

  private Collection<RoleView> roleViews() {
    return new TreeMap<>(camel.getRegistry().findByTypeWithName(RoleView.class)).values();
  }

  /** The issuer's word on a node counts before the verifier's, and theirs before the others'. */
  private List<RoleView.Node> gatherNodes() {
    Map<String, RoleView> views = new LinkedHashMap<>();
    Map<String, RoleView> bound = camel.getRegistry().findByTypeWithName(RoleView.class);
    for (String first : List.of("roleView-issuer", "roleView-verifier", "roleView-registrar")) {
      if (bound.containsKey(first)) {
        views.put(first, bound.get(first));
      }
    }
    new TreeMap<>(bound).forEach(views::putIfAbsent);
    Map<String, RoleView.Node> byId = new LinkedHashMap<>();
    for (RoleView view : views.values()) {
      for (RoleView.Node node : view.nodes()) {
        byId.merge(node.id(), node, RoleView.Node::filledFrom);
      }
    }
    List<RoleView.Node> sorted = new ArrayList<>(byId.values());
    sorted.sort(
        Comparator.comparingInt((RoleView.Node node) -> rank(node.state()))
            .thenComparing(RoleView.Node::id));
    return List.copyOf(sorted);
  }

  private static int rank(String state) {
    int trouble = TROUBLE_FIRST.indexOf(state);
    if (trouble >= 0) {
      return trouble;
    }
    return TROUBLE_FIRST.size() + (WELL.contains(state) ? 1 : 0);
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
