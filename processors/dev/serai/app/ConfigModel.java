package dev.serai.app;

import static dev.serai.app.ConfigType.ENDPOINT;
import static dev.serai.app.ConfigType.FILE;
import static dev.serai.app.ConfigType.FLAG;
import static dev.serai.app.ConfigType.HOST_NAME;
import static dev.serai.app.ConfigType.HOST_PORT;
import static dev.serai.app.ConfigType.PATH;
import static dev.serai.app.ConfigType.PORT;
import static dev.serai.app.ConfigType.TEXT;
import static dev.serai.app.ConfigType.duration;
import static dev.serai.app.ConfigType.integer;
import static dev.serai.app.ConfigType.list;
import static dev.serai.app.ConfigType.url;
import static dev.serai.app.ConfigType.word;

import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Every key of the configuration with its type, and whether a reload applies it. Defaults and
 * meanings stand in config/application.properties; a test holds that both name the same keys.
 */
final class ConfigModel {
  private static final int MANY = 1_000_000;
  private static final Map<String, ConfigType> TYPES = new LinkedHashMap<>();
  private static final Set<String> LIVE = new HashSet<>();

  /** In the name of a key that is handed to Camel. */
  private static final Pattern SECRET_NAME =
      Pattern.compile(".*(password|passwd|passphrase|secret|token|credential|apikey|privatekey).*");

  static {
    key(
        "serai.roles",
        ConfigType.allOrPart(
            List.of("registrar", "verifier", "issuer", "sensor", "agent", "gate")));
    key("serai.trust-domain", ConfigType.TRUST_DOMAIN.orNothing());
    key("serai.state-dir", PATH.orNothing());
    key("serai.run-dir", PATH.orNothing());
    live("serai.log.format", word("text", "json"));
    live("serai.log.level", word("ERROR", "WARN", "INFO", "DEBUG"));
    key("serai.stop-timeout", duration("100ms", "6s"));
    key("serai.feature.unified-identity", FLAG);
    key("serai.privacy", word("strict", "compat"));

    key("serai.routes.retry-first", duration("10ms", "1h"));
    key("serai.routes.retry-most", duration("10ms", "1d"));

    key("serai.breaker.provider-failures", integer(1, MANY));
    key("serai.breaker.provider-open", duration("10ms", "1d"));

    key("serai.management.host", HOST_NAME);
    key("serai.management.port", PORT);
    key("serai.management.allowed-hosts", list(HOST_NAME));
    key("serai.management.console-debug", FLAG);

    key("serai.tracing.enabled", FLAG);
    key("serai.tracing.endpoint", ConfigType.url("http", "https"));
    key("serai.tracing.ratio", ConfigType.SHARE);

    key("serai.audit.tick", duration("50ms", "1h"));
    key("serai.audit.checkpoint-interval", duration("1s", "365d").orNothing());
    key("serai.audit.keep", duration("1m", "36500d").orNothing());

    key("serai.tpm.tcti", TEXT.orNothing());
    key("serai.tpm.allow-software", FLAG);
    key("serai.tpm.check-interval", duration("50ms", "1d"));

    key("serai.registrar.host", HOST_NAME);
    key("serai.registrar.port", PORT);
    key("serai.registrar.tls-port", PORT);
    live("serai.registrar.ek-trust-shipped", FLAG);
    live("serai.registrar.ek-trust-dir", PATH.orNothing());
    live("serai.registrar.ek-allow-list", list(ConfigType.EK_ALLOW_LIST_ITEM));
    key("serai.registrar.challenge-ttl", duration("1s", "1d"));
    key("serai.registrar.readers", list(ConfigType.SPIFFE_PATH));
    key("serai.registrar.administrators", list(ConfigType.SPIFFE_PATH));
    key("serai.registrar.max-connections", integer(1, MANY));
    key("serai.registrar.idle-timeout", duration("100ms", "1h"));

    key("serai.verifier.host", HOST_NAME);
    key("serai.verifier.port", PORT);
    live("serai.verifier.policy", TEXT.orNothing());
    live("serai.verifier.interval", duration("10ms", "7d"));
    key("serai.verifier.quote-deadline", duration("50ms", "10m"));
    live("serai.verifier.longest-back-off", duration("50ms", "7d"));
    key("serai.verifier.breaker-open", duration("50ms", "1d"));
    live("serai.verifier.unreachable-grace", duration("1s", "365d"));
    key("serai.verifier.quotes-in-flight", integer(1, 65_536));
    key("serai.verifier.allow-clear-agents", FLAG);
    key("serai.verifier.tick", duration("10ms", "1h"));
    key("serai.verifier.administrators", list(ConfigType.SPIFFE_PATH));
    key("serai.verifier.evidence-callers", list(ConfigType.SPIFFE_PATH));
    key("serai.verifier.nonce-ttl", duration("1s", "60s"));
    key("serai.verifier.max-request", integer(65_536, Integer.MAX_VALUE));
    key("serai.verifier.max-connections", integer(1, MANY));
    key("serai.verifier.idle-timeout", duration("100ms", "1h"));
    key("serai.verifier.registrar", url("https"));
    key("serai.verifier.issuer", HOST_PORT);
    key("serai.verifier.sensor", HOST_PORT);

    key("serai.issuer.host", HOST_NAME);
    key("serai.issuer.port", PORT);
    key("serai.issuer.admin-socket", PATH.orNothing());
    key("serai.issuer.ca-ttl", duration("10s", "3650d"));
    key("serai.issuer.svid-ttl", duration("5s", "365d"));
    key("serai.issuer.jwt-svid-ttl", duration("5s", "1d"));
    key("serai.issuer.agent-ttl", duration("5s", "365d"));
    key("serai.issuer.role-grace", duration("1s", "36500d"));
    key("serai.issuer.rotation-check", duration("50ms", "1d"));
    key("serai.issuer.challenge-ttl", duration("100ms", "60s"));
    key("serai.issuer.challenge-pcrs", ConfigType.PCRS);
    key("serai.issuer.challenge-location", FLAG);
    live("serai.issuer.location-rules", PATH.orNothing());
    key("serai.issuer.verifier", HOST_PORT);
    live("serai.issuer.limit.attest", integer(1, MANY));
    live("serai.issuer.limit.attest-burst", integer(1, MANY));
    live("serai.issuer.limit.sign", integer(1, MANY));
    live("serai.issuer.limit.status", integer(1, MANY));

    key("serai.sensor.host", HOST_NAME);
    key("serai.sensor.port", PORT);
    key("serai.sensor.tls", FLAG);
    key("serai.sensor.callers", list(ConfigType.SPIFFE_PATH));
    key("serai.sensor.token-file", FILE.orNothing());
    key("serai.sensor.device-key", FILE.orNothing());
    key("serai.sensor.admin-socket", PATH.orNothing());
    key("serai.sensor.endorsement-key-life", duration("1m", "3650d"));
    live("serai.sensor.limit", integer(1, MANY));
    live("serai.sensor.limit-burst", integer(1, MANY));
    key("serai.sensor.max-connections", integer(1, MANY));
    key("serai.sensor.idle-timeout", duration("100ms", "1h"));

    key("serai.camara.url", url("https").orNothing());
    key("serai.camara.dialect", word("camara", "v0"));
    key("serai.camara.credentials-file", FILE.orNothing());
    key("serai.camara.ca", FILE.orNothing());
    key("serai.camara.authorize-path", ConfigType.URL_PATH);
    key("serai.camara.token-path", ConfigType.URL_PATH);
    key("serai.camara.verify-path", ConfigType.URL_PATH.orNothing());
    key("serai.camara.scope", TEXT);
    key("serai.camara.device", word("request", "token"));
    key("serai.camara.max-age", duration("0s", "365d").orNothing());
    key("serai.camara.least-radius", integer(1, MANY));
    key("serai.camara.timeout", duration("50ms", "1m"));
    key("serai.camara.cache-ttl", duration("0s", "1d"));
    key("serai.camara.in-flight", integer(1, 256));
    key("serai.camara.per-second", integer(1, MANY));
    key("serai.camara.burst", integer(1, MANY));

    key("serai.agent.host", HOST_NAME);
    key("serai.agent.port", PORT);
    key("serai.agent.workload-socket", PATH.orNothing());
    key("serai.agent.issuer", HOST_PORT);
    key("serai.agent.registrar", url("http", "https"));
    key("serai.agent.trust-bundle", FILE.orNothing());
    key("serai.agent.contact-host", HOST_NAME.orNothing());
    key("serai.agent.ek", word("auto", "ecc", "rsa"));
    key("serai.agent.ak", word("ecdsa", "rsassa"));
    key("serai.agent.app-key", word("ecc", "rsa"));
    key("serai.agent.registrar-ca", FILE.orNothing());
    key("serai.agent.trusted-client-ca", FILE.orNothing());
    key("serai.agent.retry-first", duration("10ms", "1d"));
    key("serai.agent.retry-most", duration("10ms", "1d"));
    key("serai.agent.denied-retry-first", duration("10ms", "7d"));
    key("serai.agent.denied-retry-most", duration("10ms", "7d"));
    key("serai.agent.attest-timeout", duration("1s", "10m"));
    key("serai.agent.call-timeout", duration("100ms", "10m"));
    key("serai.agent.drive-period", integer(10, 60_000));
    key("serai.agent.watch-period", integer(10, 60_000));
    key("serai.agent.sync-period", integer(10, 3_600_000));
    key("serai.agent.stale-after-periods", integer(1, MANY));
    live("serai.agent.quotes-per-second", integer(1, MANY));
    live("serai.agent.quote-burst", integer(1, MANY));
    key("serai.agent.certify-allow", list(ConfigType.ADDRESS_OR_SPIFFE_PATH));
    live("serai.agent.certify-per-minute", integer(1, MANY));
    key("serai.agent.plugin-socket", PATH.orNothing());
    key("serai.agent.plugin-uids", list(integer(0, Integer.MAX_VALUE)));
    key("serai.agent.location.sensors", list(word("mobile", "gpsd", "nmea", "file")));
    key("serai.agent.location.usb", list(ConfigType.USB_ID));
    key("serai.agent.location.gpsd", HOST_PORT);
    key("serai.agent.location.nmea-device", PATH.orNothing());
    key("serai.agent.location.file", PATH.orNothing());
    key("serai.agent.location.max-age", duration("1s", "1d"));
    key("serai.agent.location.read-timeout", duration("100ms", "30s"));
    key("serai.agent.location.pcr-extend", FLAG);
    key("serai.agent.ima-log", PATH);
    key("serai.agent.event-log", PATH);

    key("serai.workload.max-connections", integer(1, MANY));
    key("serai.workload.max-connections-per-user", integer(1, MANY));
    key("serai.workload.max-streams-per-connection", integer(1, MANY));
    key("serai.workload.workers", integer(1, 1024));
    key("serai.workload.max-waiting", integer(1, MANY));
    key("serai.workload.max-message-bytes", integer(1024, 64 << 20));
    key("serai.workload.max-executable-bytes", integer(1, Integer.MAX_VALUE));

    key("serai.gate.host", HOST_NAME);
    key("serai.gate.port", PORT);
    key("serai.gate.proxies", list(ConfigType.SPIFFE_PATH));
    key("serai.gate.socket", PATH.orNothing());
    key("serai.gate.proxy-users", list(integer(0, Integer.MAX_VALUE)));
    key("serai.gate.certificate", word("peer", "xfcc"));
    live("serai.gate.mode", word("trust", "runtime", "strict"));
    live("serai.gate.minimum-assurance", word("claimed", "gnss", "operator-verified", "both"));
    live("serai.gate.regions", list(ConfigType.REGION));
    key("serai.gate.sensor", HOST_PORT);
    key("serai.gate.deadline", duration("50ms", "20s"));
    key("serai.gate.cache", duration("0ms", "1h"));
    key("serai.gate.workers", integer(1, 1024));
    key("serai.gate.max-waiting", integer(1, MANY));

    key("serai.role.join-token-file", FILE.orNothing());

    key("serai.hop.appraise", ENDPOINT.orNothing());
    key("serai.hop.node-record", ENDPOINT.orNothing());
    key("serai.hop.locate", ENDPOINT.orNothing());
    key("serai.hop.verdict", ENDPOINT.orNothing());
    key("serai.hop.device", ENDPOINT.orNothing());
  }

  private ConfigModel() {}

  private static void key(String key, ConfigType type) {
    if (TYPES.put(key, type) != null) {
      throw new IllegalStateException(key + " is in the model twice");
    }
  }

  /** One that a reload applies to the running process. */
  private static void live(String key, ConfigType type) {
    key(key, type);
    LIVE.add(key);
  }

  /** The keys of Serai's own. */
  static Set<String> keys() {
    return Collections.unmodifiableSet(TYPES.keySet());
  }

  /** Those that a reload applies. */
  static Set<String> liveKeys() {
    return Set.copyOf(LIVE);
  }

  /** Nothing for the keys that are handed to Camel. */
  static Optional<ConfigType> type(String key) {
    return Optional.ofNullable(TYPES.get(key));
  }

  /** Values of such keys are not shown. None of Serai's own holds a secret: they name files. */
  static boolean isSecret(String key) {
    String flat = key.toLowerCase(Locale.ROOT).replaceAll("[-_.]", "");
    return !TYPES.containsKey(key) && SECRET_NAME.matcher(flat).matches();
  }
}
