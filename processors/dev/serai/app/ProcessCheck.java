package dev.serai.app;

import dev.serai.service.SelfCheck;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.camel.CamelContext;
import org.apache.camel.Route;
import org.apache.camel.component.timer.TimerEndpoint;

/** What the watchdog's self-check looks at in a running process. */
final class ProcessCheck {
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  private ProcessCheck() {}

  static SelfCheck of(SeraiProcess process) {
    CamelContext camel = process.camel();
    String host = process.settings().text("serai.management.host");
    URI live =
        URI.create(
            "http://%s:%s/health/live"
                .formatted(
                    host.contains(":") ? "[" + host + "]" : host,
                    process.settings().text("serai.management.port")));
    return new SelfCheck()
        .ask(
            () ->
                camel.isStarted()
                    ? Optional.empty()
                    : Optional.of("Camel is " + camel.getStatus().name()))
        .ask(SelfCheck.noDeadlock())
        .ask(SelfCheck.timersLive(() -> timers(camel)))
        .ask(SelfCheck.answers(live, PATIENCE));
  }

  /** How the threads of the running timers' names end. */
  private static Set<String> timers(CamelContext camel) {
    return camel.getRoutes().stream()
        .filter(route -> camel.getRouteController().getRouteStatus(route.getRouteId()).isStarted())
        .map(Route::getEndpoint)
        .filter(TimerEndpoint.class::isInstance)
        .map(TimerEndpoint.class::cast)
        .filter(timer -> timer.getRepeatCount() == 0)
        .map(timer -> "timer://" + timer.getTimerName())
        .collect(Collectors.toSet());
  }
}
