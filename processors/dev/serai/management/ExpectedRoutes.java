package dev.serai.management;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.CamelContext;
import org.apache.camel.Route;

/**
 * The routes that ought to be there: those of the start, as the last good reload left them. Whoever
 * takes a route away for good says so; one that is gone otherwise is missed.
 */
public final class ExpectedRoutes {
  private final CamelContext camel;
  private final Set<String> ids = ConcurrentHashMap.newKeySet();
  private final Map<String, String> causes = new ConcurrentHashMap<>();

  private ExpectedRoutes(CamelContext camel) {
    this.camel = camel;
  }

  /** All that a context has just started with. */
  public static ExpectedRoutes of(CamelContext camel) {
    ExpectedRoutes expected = new ExpectedRoutes(camel);
    camel.getRoutes().stream().map(Route::getRouteId).forEach(expected.ids::add);
    return expected;
  }

  /** After a reload that was good. */
  public void replace(Set<String> before, Set<String> after) {
    ids.addAll(after);
    before.stream().filter(id -> !after.contains(id)).forEach(ids::remove);
    causes.keySet().retainAll(ids);
  }

  /** Why the routes with these ids are not there. */
  public void lost(Set<String> gone, String why) {
    gone.forEach(id -> causes.put(id, why));
  }

  /** By id. */
  Set<String> missing() {
    Set<String> missing = new TreeSet<>();
    for (String id : ids) {
      if (camel.getRoute(id) == null) {
        missing.add(id);
      } else {
        causes.remove(id);
      }
    }
    return missing;
  }

  /** One that ought to be there and is not. */
  Optional<Reason> missed(String id) {
    return ids.contains(id) && camel.getRoute(id) == null
        ? Optional.of(
            new Reason(
                ReasonCode.ROUTE_MISSING,
                "route "
                    + id
                    + " is gone: "
                    + causes.getOrDefault(id, "it is being replaced, or was removed")))
        : Optional.empty();
  }
}
