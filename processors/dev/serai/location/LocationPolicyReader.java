package dev.serai.location;

import com.fasterxml.jackson.databind.JsonNode;
import dev.serai.location.LocationPolicy.Group;
import dev.serai.location.LocationPolicy.NodePattern;
import dev.serai.location.LocationRule.Border;
import dev.serai.location.LocationRule.DeviceCheck;
import dev.serai.location.LocationRule.Need;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the location section of a policy file; see config/policies/README.md. */
public final class LocationPolicyReader {
  private static final int MAX_GROUPS = 1_000;
  private static final int MAX_ITEMS = 1_000;
  private static final Duration LEAST_AGE = Duration.ofSeconds(10);
  private static final Duration MOST_AGE = Duration.ofDays(1);
  private static final Pattern DURATION = Pattern.compile("([0-9]{1,6})(s|m|h)");
  private static final Set<String> RULE =
      Set.of(
          "need",
          "regions",
          "border",
          "hysteresis-metres",
          "sensors",
          "device-check",
          "max-age",
          "minimum-assurance",
          "max-accuracy-metres",
          "max-speed-kmh");
  private static final Set<String> GROUP = plus(RULE, "nodes");

  private final Map<String, Region> regions = new LinkedHashMap<>();

  private LocationPolicyReader() {}

  /** A mistake, and the key it is at. */
  public static final class InvalidPolicyException extends Exception {
    private static final long serialVersionUID = 1L;

    private final String key;

    InvalidPolicyException(String key, String what) {
      super(what);
      this.key = key;
    }

    public String key() {
      return key;
    }
  }

  /**
   * @param key where the section stands, for errors
   */
  public static LocationPolicy read(String key, JsonNode json) throws InvalidPolicyException {
    return new LocationPolicyReader().policy(key, json);
  }

  private LocationPolicy policy(String key, JsonNode json) throws InvalidPolicyException {
    object(key, json, Set.of("regions", "default", "groups"));
    if (json.has("regions")) {
      readRegions(key + ".regions", json.get("regions"));
    }
    if (!json.has("default")) {
      throw invalid(key + ".default", "what holds for nodes of no group has to be said");
    }
    LocationRule byDefault = rule(key + ".default", json.get("default"), RULE);
    List<Group> groups = new ArrayList<>();
    if (json.has("groups")) {
      List<JsonNode> items = list(key + ".groups", json.get("groups"), 0, MAX_GROUPS);
      for (int i = 0; i < items.size(); i++) {
        String at = "%s.groups[%d]".formatted(key, i);
        LocationRule rule = rule(at, items.get(i), GROUP);
        groups.add(
            new Group(
                values(
                    at + ".nodes",
                    items.get(i).path("nodes"),
                    text ->
                        new NodePattern(
                            text.startsWith("ek:") ? text.toLowerCase(Locale.ROOT) : text)),
                rule));
      }
    }
    return new LocationPolicy(groups, byDefault);
  }

  private void readRegions(String key, JsonNode json) throws InvalidPolicyException {
    if (!json.isObject() || json.size() > MAX_ITEMS) {
      throw invalid(key, "an object of at most %d regions is needed".formatted(MAX_ITEMS));
    }
    for (Map.Entry<String, JsonNode> entry : json.properties()) {
      String at = key + "." + entry.getKey();
      regions.put(entry.getKey(), region(at, entry.getKey(), entry.getValue()));
    }
  }

  private static Region region(String key, String name, JsonNode json)
      throws InvalidPolicyException {
    object(key, json, Set.of("circle", "geojson"));
    if (json.size() != 1) {
      throw invalid(key, "either circle or geojson is needed");
    }
    try {
      if (json.has("geojson")) {
        return new Region.Area(name, GeoJson.of(json.get("geojson")));
      }
      JsonNode circle = json.get("circle");
      object(key + ".circle", circle, Set.of("latitude", "longitude", "radius-metres"));
      return new Region.Circle(
          name,
          new GeoPoint(
              number(key + ".circle.latitude", circle.path("latitude")),
              number(key + ".circle.longitude", circle.path("longitude"))),
          number(key + ".circle.radius-metres", circle.path("radius-metres")));
    } catch (IllegalArgumentException e) {
      throw invalid(key, e.getMessage());
    }
  }

  private LocationRule rule(String key, JsonNode json, Set<String> known)
      throws InvalidPolicyException {
    object(key, json, known);
    Need need = word(key + ".need", json.path("need"), Need.values());
    if (need == Need.FORBIDDEN) {
      for (String other : RULE) {
        if (!other.equals("need") && json.has(other)) {
          throw invalid(key + "." + other, "says nothing where a location is forbidden");
        }
      }
    }
    LocationRule none = LocationRule.NONE;
    LocationRule rule;
    try {
      rule =
          new LocationRule(
              need,
              json.has("regions")
                  ? values(key + ".regions", json.get("regions"), this::named)
                  : none.regions(),
              json.has("border")
                  ? word(key + ".border", json.get("border"), Border.values())
                  : none.border(),
              json.has("hysteresis-metres")
                  ? number(key + ".hysteresis-metres", json.get("hysteresis-metres"))
                  : none.hysteresisMetres(),
              json.has("sensors")
                  ? values(key + ".sensors", json.get("sensors"), SensorPattern::new)
                  : none.sensors(),
              json.has("device-check")
                  ? word(key + ".device-check", json.get("device-check"), DeviceCheck.values())
                  : none.deviceCheck(),
              json.has("max-age") ? age(key + ".max-age", json.get("max-age")) : none.maxAge(),
              json.has("minimum-assurance")
                  ? word(
                      key + ".minimum-assurance", json.get("minimum-assurance"), Assurance.values())
                  : none.minimum(),
              json.has("max-accuracy-metres")
                  ? number(key + ".max-accuracy-metres", json.get("max-accuracy-metres"))
                  : none.maxAccuracyMetres(),
              json.has("max-speed-kmh")
                  ? number(key + ".max-speed-kmh", json.get("max-speed-kmh"))
                  : none.maxSpeedKmh());
    } catch (IllegalArgumentException e) {
      throw invalid(key, e.getMessage());
    }
    consistent(key, rule);
    return rule;
  }

  private static void consistent(String key, LocationRule rule) throws InvalidPolicyException {
    if (rule.deviceCheck() != DeviceCheck.POLICY) {
      return;
    }
    if (rule.sensors().isEmpty() || !rule.sensors().stream().allMatch(SensorPattern::isExact)) {
      throw invalid(
          key + ".device-check", "policy needs sensors that are named to the last character");
    }
    if (rule.asksOperator()) {
      throw invalid(
          key + ".device-check",
          "an operator is asked through the device registry: minimum-assurance is too high");
    }
  }

  private Region named(String name) {
    Region region = regions.get(name);
    if (region == null) {
      throw new IllegalArgumentException("no region of that name");
    }
    return region;
  }

  private static <T> List<T> values(String key, JsonNode json, Function<String, T> parser)
      throws InvalidPolicyException {
    List<JsonNode> items = list(key, json, 1, MAX_ITEMS);
    List<T> values = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      String at = "%s[%d]".formatted(key, i);
      if (!items.get(i).isTextual()) {
        throw invalid(at, "a text is needed");
      }
      try {
        values.add(parser.apply(items.get(i).textValue()));
      } catch (IllegalArgumentException e) {
        throw invalid(at, e.getMessage());
      }
    }
    return values;
  }

  private static List<JsonNode> list(String key, JsonNode json, int least, int most)
      throws InvalidPolicyException {
    if (!json.isArray() || json.size() < least || json.size() > most) {
      throw invalid(key, "a list of %d to %d is needed".formatted(least, most));
    }
    List<JsonNode> items = new ArrayList<>();
    json.forEach(items::add);
    return items;
  }

  private static Duration age(String key, JsonNode json) throws InvalidPolicyException {
    Matcher form = DURATION.matcher(json.isTextual() ? json.textValue() : "");
    if (!form.matches()) {
      throw invalid(key, "a duration is needed, for instance 90s, 10m or 2h");
    }
    long count = Long.parseLong(form.group(1));
    Duration age =
        switch (form.group(2)) {
          case "s" -> Duration.ofSeconds(count);
          case "m" -> Duration.ofMinutes(count);
          default -> Duration.ofHours(count);
        };
    if (age.compareTo(LEAST_AGE) < 0 || age.compareTo(MOST_AGE) > 0) {
      throw invalid(key, "between 10s and 24h");
    }
    return age;
  }

  private static double number(String key, JsonNode json) throws InvalidPolicyException {
    if (!json.isNumber()) {
      throw invalid(key, "a number is needed");
    }
    return json.doubleValue();
  }

  private static <E extends Enum<E>> E word(String key, JsonNode json, E[] values)
      throws InvalidPolicyException {
    List<String> words = new ArrayList<>();
    for (E value : values) {
      String word = value.name().toLowerCase(Locale.ROOT).replace('_', '-');
      if (word.equals(json.textValue())) {
        return value;
      }
      words.add(word);
    }
    throw invalid(key, "one of " + String.join(", ", words) + " is needed");
  }

  private static void object(String key, JsonNode json, Set<String> known)
      throws InvalidPolicyException {
    if (!json.isObject()) {
      throw invalid(key, "an object is needed");
    }
    for (Map.Entry<String, JsonNode> entry : json.properties()) {
      if (!known.contains(entry.getKey())) {
        throw invalid(key + "." + entry.getKey(), "unknown key");
      }
    }
  }

  private static Set<String> plus(Set<String> keys, String one) {
    Set<String> all = new java.util.HashSet<>(keys);
    all.add(one);
    return Set.copyOf(all);
  }

  private static InvalidPolicyException invalid(String key, String what) {
    return new InvalidPolicyException(key, what);
  }
}
