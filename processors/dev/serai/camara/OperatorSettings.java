package dev.serai.camara;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Settings;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * How the operator is asked.
 *
 * @param maxAge how old the network's knowledge may be; empty for any age
 * @param leastRadius metres; a smaller circle is asked for with this radius
 * @param namesDevice whether the request names the device; otherwise the token does
 */
record OperatorSettings(
    URI url,
    LocationDialect dialect,
    Secret authorization,
    Optional<Path> authorities,
    String authorizePath,
    String tokenPath,
    String verifyPath,
    String scope,
    boolean namesDevice,
    Optional<Duration> maxAge,
    int leastRadius,
    Duration timeout,
    Duration cacheTtl,
    int inFlight,
    int perSecond,
    int burst) {
  private static final String CREDENTIALS = "serai.camara.credentials-file";
  private static final String VARIABLE = "env:";
  private static final int LONGEST_CREDENTIALS = 4096;

  /**
   * Empty when no operator is configured.
   *
   * @throws RefusalException CONFIGURATION_INVALID
   */
  static Optional<OperatorSettings> of(Settings settings, Map<String, String> environment) {
    Optional<String> url = settings.optionalText("serai.camara.url");
    if (url.isEmpty()) {
      return Optional.empty();
    }
    LocationDialect dialect = LocationDialect.of(settings.text("serai.camara.dialect"));
    return Optional.of(
        new OperatorSettings(
            URI.create(url.get().replaceAll("/+$", "")),
            dialect,
            credentials(settings, environment).basic(),
            settings.optionalText("serai.camara.ca").map(Path::of),
            settings.text("serai.camara.authorize-path"),
            settings.text("serai.camara.token-path"),
            settings.optionalText("serai.camara.verify-path").orElse(dialect.usualPath()),
            settings.text("serai.camara.scope"),
            settings.text("serai.camara.device").equals("request"),
            settings
                .optionalText("serai.camara.max-age")
                .map(set -> settings.duration("serai.camara.max-age")),
            settings.integer("serai.camara.least-radius"),
            settings.duration("serai.camara.timeout"),
            settings.duration("serai.camara.cache-ttl"),
            settings.integer("serai.camara.in-flight"),
            settings.integer("serai.camara.per-second"),
            settings.integer("serai.camara.burst")));
  }

  private static Secret credentials(Settings settings, Map<String, String> environment) {
    String where =
        settings
            .optionalText(CREDENTIALS)
            .orElseThrow(() -> invalid("has no value, but serai.camara.url has one"));
    String text =
        where.startsWith(VARIABLE)
            ? environment.getOrDefault(where.substring(VARIABLE.length()), "")
            : file(Path.of(where));
    String pair = text.strip();
    if (pair.indexOf(':') < 1 || pair.indexOf('\n') >= 0 || pair.length() > LONGEST_CREDENTIALS) {
      throw invalid("does not lead to one line client-id:client-secret");
    }
    return new Secret(pair);
  }

  private static String file(Path path) {
    try {
      Set<PosixFilePermission> mode = Files.getPosixFilePermissions(path);
      if (mode.contains(PosixFilePermission.OTHERS_READ)
          || mode.contains(PosixFilePermission.OTHERS_WRITE)) {
        throw invalid("names a file that every user may read or write: chmod 600 " + path);
      }
      return Files.readString(path);
    } catch (IOException e) {
      throw invalid("cannot be read: " + e.getMessage());
    }
  }

  private static RefusalException invalid(String what) {
    return new RefusalException(ReasonCode.CONFIGURATION_INVALID, CREDENTIALS + " " + what);
  }
}
