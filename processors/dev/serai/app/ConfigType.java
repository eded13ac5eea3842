package dev.serai.app;

import dev.serai.spiffe.InvalidSpiffeIdException;
import dev.serai.spiffe.TrustDomain;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bouncycastle.util.IPAddress;

/**
 * What the value of a key has to be. Knows a value by its text alone; what several values say
 * together is judged by {@link ConfigRules}.
 *
 * @param wanted completes "which is not ..."
 * @param credential whether {@code credential:NAME} may stand for a file of the service manager
 * @param blank whether an empty value is one
 */
record ConfigType(String wanted, Predicate<String> accepts, boolean credential, boolean blank) {
  private static final Pattern DURATION = Pattern.compile("(\\d{1,12})\\s*(ms|s|m|h|d)");
  private static final Duration LONGEST = Duration.ofDays(36_500);
  private static final Pattern HOST =
      Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:.%]{2,64}");
  private static final int MAX_PORT = 65_535;

  /** What a file key begins with when systemd holds the file. */
  static final String CREDENTIAL = "credential:";

  static final ConfigType TEXT = of("text", text -> true);
  static final ConfigType FLAG = word("true", "false");
  static final ConfigType PORT = integer("a port", 1, MAX_PORT);
  static final ConfigType HOST_NAME =
      of("a host name or address", text -> HOST.matcher(text).matches());
  static final ConfigType HOST_PORT = of("host:port", ConfigType::isHostPort);
  static final ConfigType PATH = of("a path", ConfigType::isPath);

  /** A file that somebody else wrote and that is only read. */
  static final ConfigType FILE =
      new ConfigType("a path or credential:NAME", ConfigType::isPath, true, false);

  static final ConfigType TRUST_DOMAIN = of("a SPIFFE trust domain", ConfigType::isTrustDomain);
  static final ConfigType SPIFFE_PATH =
      of("the path of a SPIFFE ID", text -> text.matches("(/[A-Za-z0-9._-]{1,255}){1,16}"));
  static final ConfigType ADDRESS_OR_SPIFFE_PATH =
      of(
          "an IP address or the path of a SPIFFE ID",
          text -> isAddress(text) || SPIFFE_PATH.accepts().test(text));
  static final ConfigType USB_ID =
      of("vendor:product in hex", text -> text.matches("[0-9a-f]{4}:[0-9a-f]{4}"));
  static final ConfigType EK_ALLOW_LIST_ITEM =
      of(
          "the Name of a key in hex, or one path",
          text -> text.contains("/") || text.matches("[0-9A-Fa-f]{68,132}"));
  static final ConfigType PCRS =
      of(
          "bank:indices such as sha256:0,7",
          text ->
              text.matches("[a-z0-9_]+:[0-9]{1,2}(,[0-9]{1,2})*(\\+[a-z0-9_]+:[0-9,]{1,80}){0,3}"));
  static final ConfigType URL_PATH =
      of("the path of a URL", text -> text.matches("(/[A-Za-z0-9._~-]{1,64}){1,8}"));
  static final ConfigType REGION =
      of("the name of a region", text -> text.matches("[\\p{L}\\p{N}][\\p{L}\\p{N} ._-]{0,63}"));
  static final ConfigType ENDPOINT =
      of("an endpoint of a route", text -> text.matches("[a-z][a-z0-9+.-]*:\\S+"));

  private static ConfigType of(String wanted, Predicate<String> accepts) {
    return new ConfigType(wanted, accepts, false, false);
  }

  /** The same, and nothing at all is a value too. */
  ConfigType orNothing() {
    return new ConfigType(wanted, accepts, credential, true);
  }

  /** A part of the whole. */
  static final ConfigType SHARE =
      of(
          "a number from 0 to 1, such as 0.25",
          text -> text.matches("0(\\.\\d{1,9})?|1(\\.0{1,9})?"));

  static ConfigType integer(int least, int most) {
    return integer("a whole number", least, most);
  }

  private static ConfigType integer(String what, int least, int most) {
    return of(
        "%s from %d to %d".formatted(what, least, most),
        text ->
            text.matches("-?[0-9]{1,10}")
                && Long.parseLong(text) >= least
                && Long.parseLong(text) <= most);
  }

  /** Bounds in the words of the configuration, for instance 100ms and 1h. */
  static ConfigType duration(String least, String most) {
    Duration from = parseDuration(least).orElseThrow();
    Duration to = parseDuration(most).orElseThrow();
    return of(
        "a duration such as 250ms, 10s, 5m or 1h, from %s to %s".formatted(least, most),
        text ->
            parseDuration(text)
                .filter(time -> time.compareTo(from) >= 0 && time.compareTo(to) <= 0)
                .isPresent());
  }

  static ConfigType word(String... words) {
    return of(alternatives(List.of(words)), List.of(words)::contains);
  }

  private static String alternatives(List<String> words) {
    return String.join(", ", words.subList(0, words.size() - 1))
        + " or "
        + words.get(words.size() - 1);
  }

  /** Comma separated; an empty list is one. */
  static ConfigType list(ConfigType item) {
    return new ConfigType(
        "a comma separated list, each item " + item.wanted,
        text -> items(text).stream().allMatch(item.accepts),
        false,
        true);
  }

  /** all, or a comma separated part of the words, each once. */
  static ConfigType allOrPart(List<String> words) {
    return new ConfigType(
        "all, or a comma separated part of " + String.join(",", words),
        text -> {
          List<String> items = items(text);
          Set<String> once = new TreeSet<>(items);
          return items.equals(List.of("all"))
              || (words.containsAll(items) && once.size() == items.size());
        },
        false,
        true);
  }

  static ConfigType url(String... schemes) {
    return of(
        alternativesOf(schemes) + "://host:port, without user or password",
        text -> isUrl(text, List.of(schemes)));
  }

  private static String alternativesOf(String... schemes) {
    return schemes.length == 1 ? schemes[0] : alternatives(List.of(schemes));
  }

  private static List<String> items(String text) {
    return Arrays.stream(text.split(","))
        .map(String::trim)
        .filter(item -> !item.isEmpty())
        .toList();
  }

  /** Empty too for more than a century: the nanoseconds of that are no number any more. */
  static Optional<Duration> parseDuration(String text) {
    Matcher parts = DURATION.matcher(text);
    if (!parts.matches()) {
      return Optional.empty();
    }
    long amount = Long.parseLong(parts.group(1));
    Duration duration =
        switch (parts.group(2)) {
          case "ms" -> Duration.ofMillis(amount);
          case "s" -> Duration.ofSeconds(amount);
          case "m" -> Duration.ofMinutes(amount);
          case "h" -> Duration.ofHours(amount);
          default -> Duration.ofDays(amount);
        };
    return Optional.of(duration).filter(time -> time.compareTo(LONGEST) <= 0);
  }

  private static boolean isHostPort(String text) {
    int colon = text.lastIndexOf(':');
    return colon > 0
        && HOST.matcher(text.substring(0, colon).replaceAll("^\\[|]$", "")).matches()
        && PORT.accepts().test(text.substring(colon + 1));
  }

  private static boolean isUrl(String text, List<String> schemes) {
    try {
      URI uri = new URI(text);
      return uri.getScheme() != null
          && schemes.contains(uri.getScheme())
          && uri.getHost() != null
          && uri.getUserInfo() == null
          && uri.getPort() != 0
          && uri.getPort() <= MAX_PORT;
    } catch (URISyntaxException e) {
      return false;
    }
  }

  /** No name, which would be looked up. */
  private static boolean isAddress(String text) {
    return IPAddress.isValidIPv4(text) || IPAddress.isValidIPv6(text);
  }

  private static boolean isPath(String text) {
    try {
      return !Path.of(text).toString().isEmpty() && text.indexOf('\n') < 0;
    } catch (InvalidPathException e) {
      return false;
    }
  }

  private static boolean isTrustDomain(String text) {
    try {
      return TrustDomain.parse(text).name().equals(text.replaceFirst("^spiffe://", ""));
    } catch (InvalidSpiffeIdException e) {
      return false;
    }
  }
}
