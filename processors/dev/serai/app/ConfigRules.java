package dev.serai.app;

import dev.serai.appraisal.PolicyFile;
import dev.serai.reason.RefusalException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What keys have to say together, for the roles of one process: required ones, and those that
 * contradict each other. Each rule names its keys.
 */
final class ConfigRules {
  private static final int LONGEST_RUN_DIR = 80;
  private static final int LONGEST_SOCKET = 107;
  private static final Set<String> EVERYWHERE = Set.of("0.0.0.0", "::", "[::]");
  private static final Map<String, String> HOP_ROLES =
      Map.of(
          "serai.hop.appraise=direct:appraise-evidence", "verifier",
          "serai.hop.node-record=direct:lookup-node", "registrar",
          "serai.hop.locate=direct:locate-device", "sensor",
          "serai.hop.verdict=direct:apply-verdict", "issuer",
          "serai.hop.device=direct:verify-device", "sensor");

  private final LayeredSettings settings;
  private final Set<String> roles;
  private final List<String> problems = new ArrayList<>();

  private ConfigRules(LayeredSettings settings, Set<String> roles) {
    this.settings = settings;
    this.roles = roles;
  }

  /**
   * Fills in what follows from other keys, and checks everything.
   *
   * @throws RefusalException CONFIGURATION_INVALID with one line for each problem
   */
  static void require(LayeredSettings settings, Set<String> roles) {
    List<String> problems = problems(settings, roles);
    if (!problems.isEmpty()) {
      throw LayeredSettings.invalid(String.join("\n", problems));
    }
  }

  /** The same as a list. */
  static List<String> problems(LayeredSettings settings, Set<String> roles) {
    ConfigRules rules = new ConfigRules(settings, roles);
    rules.problems.addAll(settings.problems());
    rules.rule(rules::required);
    settings
        .optionalText("serai.state-dir")
        .ifPresent(dir -> DerivedSettings.fill(settings, Path.of(dir).toAbsolutePath(), roles));
    rules.rule(rules::directories);
    rules.rule(rules::sockets);
    rules.rule(rules::listeners);
    rules.rule(rules::hops);
    rules.rule(rules::features);
    if (roles.contains("issuer")) {
      rules.issuer();
    }
    if (roles.contains("registrar")) {
      rules.rule(rules::registrar);
    }
    if (roles.contains("verifier")) {
      rules.verifier();
    }
    if (roles.contains("sensor")) {
      rules.rule(rules::sensor);
    }
    if (roles.contains("agent")) {
      rules.agent();
    }
    return List.copyOf(rules.problems);
  }

  /** A rule over a value that is no value says nothing: that value was reported. */
  private void rule(Runnable check) {
    try {
      check.run();
    } catch (RefusalException e) {
      if (settings.problems().isEmpty()) {
        throw e;
      }
    }
  }

  private void wrong(String problem, String... keys) {
    StringBuilder text = new StringBuilder(problem);
    List<String> where = new ArrayList<>();
    for (String key : keys) {
      where.add(key + " from " + settings.where(key));
    }
    if (!where.isEmpty()) {
      text.append(" (").append(String.join(", ", where)).append(')');
    }
    problems.add(text.toString());
  }

  private void required() {
    notLonger("serai.routes.retry-first", "serai.routes.retry-most");
    for (String key : List.of("serai.trust-domain", "serai.state-dir")) {
      if (settings.optionalText(key).isEmpty()) {
        wrong(
            "%s has no value; set it with --config or %s"
                .formatted(key, LayeredSettings.environmentName(key)));
      }
    }
  }

  private void directories() {
    Optional<Path> state = path("serai.state-dir");
    Optional<Path> run = path("serai.run-dir");
    if (state.isEmpty() || run.isEmpty()) {
      return;
    }
    if (state.get().startsWith(run.get())) {
      wrong(
          "serai.state-dir lies in serai.run-dir, which is lost with a reboot",
          "serai.state-dir",
          "serai.run-dir");
    }
    if (bytes(run.get()) > LONGEST_RUN_DIR) {
      wrong("serai.run-dir is longer than 80 characters, too long for sockets", "serai.run-dir");
    }
  }

  private void features() {
    if (settings.flag("serai.feature.unified-identity")) {
      return;
    }
    // Verifier and agent tell callers of the prototype that it is off.
    if (roles.contains("registrar")) {
      wrong(
          "serai.roles names registrar, which is for nodes that attest with their TPM",
          "serai.feature.unified-identity",
          "serai.roles");
    }
  }

  private Optional<Path> path(String key) {
    return settings
        .optionalText(key)
        .filter(text -> ConfigType.PATH.accepts().test(text))
        .map(text -> Path.of(text).toAbsolutePath().normalize());
  }

  private static int bytes(Path path) {
    return path.toString().getBytes(StandardCharsets.UTF_8).length;
  }

  private void sockets() {
    Map<Path, String> seen = new LinkedHashMap<>();
    path("serai.run-dir")
        .ifPresent(run -> seen.put(run.resolve(DerivedSettings.CONTROL_SOCKET), "serai.run-dir"));
    Map<String, String> owners =
        Map.of(
            "serai.issuer.admin-socket",
            "issuer",
            "serai.sensor.admin-socket",
            "sensor",
            "serai.agent.workload-socket",
            "agent",
            "serai.agent.plugin-socket",
            "agent",
            "serai.gate.socket",
            "gate");
    for (String key : new TreeSet<>(owners.keySet())) {
      Optional<Path> socket = path(key);
      if (socket.isEmpty() || !roles.contains(owners.get(key))) {
        continue;
      }
      String other = seen.putIfAbsent(socket.get(), key);
      if (other != null) {
        wrong(key + " is the same socket as one of " + other, key, other);
      }
      if (bytes(socket.get()) > LONGEST_SOCKET) {
        wrong(key + " is longer than the 107 bytes of a socket's path", key);
      }
    }
  }

  private record Listener(String key, String host, int port) {
    boolean meets(Listener other) {
      return port == other.port
          && (host.equals(other.host)
              || EVERYWHERE.contains(host)
              || EVERYWHERE.contains(other.host));
    }
  }

  private void listeners() {
    List<Listener> listeners = new ArrayList<>();
    listen(listeners, "serai.management.host", "serai.management.port");
    if (roles.contains("registrar")) {
      listen(listeners, "serai.registrar.host", "serai.registrar.port");
      listen(listeners, "serai.registrar.host", "serai.registrar.tls-port");
    }
    for (String role : List.of("verifier", "issuer", "sensor", "agent", "gate")) {
      if (roles.contains(role)) {
        listen(listeners, "serai." + role + ".host", "serai." + role + ".port");
      }
    }
    for (int i = 0; i < listeners.size(); i++) {
      for (int j = i + 1; j < listeners.size(); j++) {
        Listener one = listeners.get(i);
        Listener other = listeners.get(j);
        if (one.meets(other)) {
          wrong(
              "%s and %s are both %s:%d".formatted(one.key, other.key, other.host, other.port),
              one.key,
              other.key);
        }
      }
    }
  }

  private void listen(List<Listener> listeners, String host, String port) {
    rule(
        () -> {
          String name = settings.text(host);
          listeners.add(
              new Listener(
                  port,
                  name.equalsIgnoreCase("localhost") ? "127.0.0.1" : name,
                  settings.integer(port)));
        });
  }

  /** A call in this process to a role that is not in it would wait for ever. */
  private void hops() {
    HOP_ROLES.forEach(
        (hop, role) -> {
          String key = hop.substring(0, hop.indexOf('='));
          String local = hop.substring(hop.indexOf('=') + 1);
          if (!roles.contains(role)
              && settings.optionalText(key).filter(local::equals).isPresent()) {
            wrong("%s is %s, but the %s is not in this process".formatted(key, local, role), key);
          }
        });
  }

  private void issuer() {
    notLonger("serai.issuer.svid-ttl", "serai.issuer.ca-ttl");
    notLonger("serai.issuer.agent-ttl", "serai.issuer.ca-ttl");
    rule(
        () -> {
          Duration sixth = settings.duration("serai.issuer.ca-ttl").dividedBy(6);
          if (settings.duration("serai.issuer.rotation-check").compareTo(sixth) > 0) {
            wrong(
                "serai.issuer.rotation-check is longer than a sixth of serai.issuer.ca-ttl: an"
                    + " authority could end before its successor is prepared",
                "serai.issuer.rotation-check",
                "serai.issuer.ca-ttl");
          }
        });
  }

  private void registrar() {
    Optional<Path> dir = path("serai.registrar.ek-trust-dir");
    if (dir.isPresent() && !Files.isDirectory(dir.get())) {
      wrong(
          "serai.registrar.ek-trust-dir is no directory: " + dir.get(),
          "serai.registrar.ek-trust-dir");
    }
    if (!settings.flag("serai.registrar.ek-trust-shipped")
        && dir.isEmpty()
        && settings.list("serai.registrar.ek-allow-list").isEmpty()) {
      wrong(
          "no endorsement key could ever be trusted: serai.registrar.ek-trust-shipped is false, and"
              + " neither serai.registrar.ek-trust-dir nor serai.registrar.ek-allow-list is set",
          "serai.registrar.ek-trust-shipped");
    }
  }

  private void verifier() {
    notLonger("serai.verifier.interval", "serai.verifier.longest-back-off");
    notLonger("serai.verifier.tick", "serai.verifier.interval");
    rule(
        () -> {
          Duration round =
              settings
                  .duration("serai.verifier.interval")
                  .plus(settings.duration("serai.verifier.quote-deadline"));
          if (settings.duration("serai.verifier.unreachable-grace").compareTo(round) <= 0) {
            wrong(
                "serai.verifier.unreachable-grace is not longer than serai.verifier.interval and"
                    + " serai.verifier.quote-deadline together: a node that answers would lose its"
                    + " standing between two quotes",
                "serai.verifier.unreachable-grace",
                "serai.verifier.interval",
                "serai.verifier.quote-deadline");
          }
        });
    settings
        .optionalText("serai.verifier.policy")
        .filter(text -> !text.startsWith(PolicyFile.BUILT_IN))
        .filter(text -> !Files.isReadable(Path.of(text)))
        .ifPresent(
            text ->
                wrong("serai.verifier.policy cannot be read: " + text, "serai.verifier.policy"));
  }

  private void sensor() {
    if (!settings.flag("serai.sensor.tls") && !isLoopback(settings.text("serai.sensor.host"))) {
      wrong(
          "serai.sensor.host is not loopback, and serai.sensor.tls is false: phone numbers would go"
              + " over a network in clear",
          "serai.sensor.host",
          "serai.sensor.tls");
    }
    if (settings.flag("serai.sensor.tls") && settings.list("serai.sensor.callers").isEmpty()) {
      wrong("serai.sensor.callers is empty: nobody could ask", "serai.sensor.callers");
    }
    if (settings.optionalText("serai.camara.url").isPresent()) {
      if (settings.optionalText("serai.camara.credentials-file").isEmpty()) {
        wrong(
            "serai.camara.url is set and serai.camara.credentials-file is not",
            "serai.camara.credentials-file",
            "serai.camara.url");
      }
      if (settings.optionalText("serai.camara.max-age").isPresent()
          && settings.text("serai.camara.dialect").equals("v0")) {
        wrong(
            "serai.camara.max-age is set, and in dialect v0 nobody can ask for it",
            "serai.camara.max-age",
            "serai.camara.dialect");
      }
    } else if (settings.optionalText("serai.camara.credentials-file").isPresent()) {
      wrong(
          "serai.camara.credentials-file is set and serai.camara.url is not: nobody would be asked",
          "serai.camara.url",
          "serai.camara.credentials-file");
    }
  }

  private static boolean isLoopback(String host) {
    return host.equalsIgnoreCase("localhost")
        || host.matches("127(\\.[0-9]{1,3}){3}")
        || host.equals("::1")
        || host.equals("[::1]");
  }

  private void agent() {
    notLonger("serai.agent.retry-first", "serai.agent.retry-most");
    notLonger("serai.agent.denied-retry-first", "serai.agent.denied-retry-most");
    notLonger("serai.agent.call-timeout", "serai.agent.attest-timeout");
    rule(
        () -> {
          if (settings.integer("serai.workload.max-connections-per-user")
              > settings.integer("serai.workload.max-connections")) {
            wrong(
                "serai.workload.max-connections-per-user is more than"
                    + " serai.workload.max-connections",
                "serai.workload.max-connections-per-user",
                "serai.workload.max-connections");
          }
        });
    location();
    if (settings.optionalText("serai.agent.registrar-ca").isPresent()
        && settings.text("serai.agent.registrar").startsWith("http:")) {
      wrong(
          "serai.agent.registrar-ca is set, but serai.agent.registrar is http: nothing would be"
              + " checked",
          "serai.agent.registrar-ca",
          "serai.agent.registrar");
    }
    if (roles.contains("issuer") && settings.isCredential("serai.agent.trust-bundle")) {
      wrong(
          "serai.agent.trust-bundle is a credential, which the issuer of this process cannot write",
          "serai.agent.trust-bundle");
    }
  }

  private void location() {
    Map<String, String> needed =
        Map.of("nmea", "serai.agent.location.nmea-device", "file", "serai.agent.location.file");
    rule(
        () -> {
          List<String> sensors = settings.list("serai.agent.location.sensors");
          needed.forEach(
              (sensor, key) -> {
                if (sensors.contains(sensor) && settings.optionalText(key).isEmpty()) {
                  wrong(
                      "serai.agent.location.sensors has %s, and %s has no value"
                          .formatted(sensor, key),
                      "serai.agent.location.sensors");
                }
              });
          if (sensors.isEmpty() && settings.flag("serai.agent.location.pcr-extend")) {
            wrong(
                "serai.agent.location.pcr-extend is true, but serai.agent.location.sensors names"
                    + " none",
                "serai.agent.location.pcr-extend");
          }
        });
    notLonger("serai.agent.location.read-timeout", "serai.agent.attest-timeout");
  }

  private void notLonger(String shorter, String longer) {
    rule(
        () -> {
          if (settings.duration(shorter).compareTo(settings.duration(longer)) > 0) {
            wrong(shorter + " is longer than " + longer, shorter, longer);
          }
        });
  }
}
