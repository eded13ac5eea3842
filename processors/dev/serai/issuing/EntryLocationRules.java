package dev.serai.issuing;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.claims.Claims;
import dev.serai.location.Assurance;
import dev.serai.location.LocationRule.Need;
import dev.serai.location.Region;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.SpiffeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * What entries want of the location of the node they are issued on: a file of rules by SPIFFE ID,
 * the first that fits counts. Kept apart from entries, so that any client may write those. An entry
 * of no rule carries the location when the node has one.
 */
record EntryLocationRules(List<Rule> rules) {
  static final EntryLocationRules NONE = new EntryLocationRules(List.of());

  private static final int MAX_SIZE = 1024 * 1024;
  private static final int MAX_RULES = 10_000;
  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  EntryLocationRules {
    rules = List.copyOf(rules);
  }

  /**
   * @param pattern a SPIFFE ID, or the beginning of some with {@code *} after it
   * @param regions empty for any
   */
  record Rule(String pattern, Need need, Set<String> regions, Optional<Assurance> minimum) {
    Rule {
      regions = Set.copyOf(regions);
      Objects.requireNonNull(minimum);
    }

    boolean fits(SpiffeId id) {
      return pattern.endsWith("*")
          ? id.toString().startsWith(pattern.substring(0, pattern.length() - 1))
          : id.toString().equals(pattern);
    }
  }

  /**
   * @throws RefusalException CONFIGURATION_INVALID
   */
  static EntryLocationRules load(String file) {
    try {
      Path path = Path.of(file);
      if (Files.size(path) > MAX_SIZE) {
        throw invalid(file, "larger than %d bytes".formatted(MAX_SIZE));
      }
      return parse(file, Files.readString(path));
    } catch (IOException | InvalidPathException e) {
      throw invalid(file, "cannot be read: " + e);
    }
  }

  /**
   * @param name for errors
   */
  static EntryLocationRules parse(String name, String text) {
    JsonNode root;
    try {
      root = JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw invalid(name, "not JSON: " + e.getOriginalMessage());
    }
    keys(name, "", root, Set.of("entries"));
    JsonNode entries = root.path("entries");
    if (!entries.isArray() || entries.size() > MAX_RULES) {
      throw invalid(name, "entries: a list of at most %d is needed".formatted(MAX_RULES));
    }
    List<Rule> rules = new ArrayList<>();
    for (int i = 0; i < entries.size(); i++) {
      rules.add(rule(name, "entries[%d]".formatted(i), entries.get(i)));
    }
    return new EntryLocationRules(rules);
  }

  private static Rule rule(String name, String key, JsonNode json) {
    keys(name, key, json, Set.of("spiffe-id", "need", "regions", "minimum-assurance"));
    String pattern = json.path("spiffe-id").asText("");
    if (!pattern.matches("spiffe://[a-z0-9._-]+(/[A-Za-z0-9._-]+)*/?\\*?")) {
      throw invalid(name, key + ".spiffe-id: a SPIFFE ID is needed, or its beginning and *");
    }
    Need need = null;
    for (Need one : Need.values()) {
      if (one.name().toLowerCase(Locale.ROOT).equals(json.path("need").textValue())) {
        need = one;
      }
    }
    if (need == null) {
      throw invalid(name, key + ".need: required, optional or forbidden is needed");
    }
    if (need != Need.REQUIRED && (json.has("regions") || json.has("minimum-assurance"))) {
      throw invalid(name, key + ": regions and minimum-assurance belong to need=required");
    }
    return new Rule(pattern, need, regions(name, key, json), minimum(name, key, json));
  }

  private static Set<String> regions(String name, String key, JsonNode json) {
    Set<String> regions = new HashSet<>();
    if (json.has("regions")) {
      if (!json.path("regions").isArray() || json.path("regions").isEmpty()) {
        throw invalid(name, key + ".regions: a list of names is needed");
      }
      for (JsonNode region : json.path("regions")) {
        if (!region.isTextual() || !Region.NAME.matcher(region.textValue()).matches()) {
          throw invalid(name, key + ".regions: a name is not " + Region.NAME);
        }
        regions.add(region.textValue());
      }
    }
    return regions;
  }

  private static Optional<Assurance> minimum(String name, String key, JsonNode json) {
    if (!json.has("minimum-assurance")) {
      return Optional.empty();
    }
    for (Assurance assurance : Assurance.values()) {
      if (assurance.word().equals(json.path("minimum-assurance").textValue())) {
        return Optional.of(assurance);
      }
    }
    throw invalid(name, key + ".minimum-assurance: no such word");
  }

  private static void keys(String name, String key, JsonNode json, Set<String> known) {
    if (json == null || !json.isObject()) {
      throw invalid(name, (key.isEmpty() ? "the file" : key) + ": an object is needed");
    }
    for (Map.Entry<String, JsonNode> entry : json.properties()) {
      if (!known.contains(entry.getKey())) {
        throw invalid(name, (key.isEmpty() ? "" : key + ".") + entry.getKey() + ": unknown key");
      }
    }
  }

  private static RefusalException invalid(String name, String what) {
    return new RefusalException(
        ReasonCode.CONFIGURATION_INVALID,
        "serai.issuer.location-rules %s: %s".formatted(name, what));
  }

  /** Of the entry, or none. */
  Need need(SpiffeId id) {
    return rule(id).map(Rule::need).orElse(Need.OPTIONAL);
  }

  private Optional<Rule> rule(SpiffeId id) {
    return rules.stream().filter(rule -> rule.fits(id)).findFirst();
  }

  /**
   * Why the entry may not be issued with this location of its node; empty when it may.
   *
   * @param place empty when the node has none, or none that still counts
   */
  Optional<Reason> lacking(SpiffeId id, Optional<Claims.Geolocation> place, Instant now) {
    Optional<Rule> rule = rule(id).filter(r -> r.need() == Need.REQUIRED);
    if (rule.isEmpty()) {
      return Optional.empty();
    }
    if (place.isEmpty()) {
      return Optional.of(
          new Reason(
              ReasonCode.LOCATION_MISSING, "the entry needs a location of its node, as of " + now));
    }
    Set<String> regions = rule.get().regions();
    if (!regions.isEmpty() && place.get().region().filter(regions::contains).isEmpty()) {
      return Optional.of(
          new Reason(ReasonCode.LOCATION_OUTSIDE, "the node is in no region of the entry's rule"));
    }
    Assurance known = place.get().assurance().orElse(Assurance.CLAIMED);
    if (rule.get().minimum().filter(wanted -> !known.meets(wanted)).isPresent()) {
      return Optional.of(
          new Reason(
              ReasonCode.LOCATION_ASSURANCE_LOW,
              "%s does not meet the entry's rule".formatted(known.word())));
    }
    return Optional.empty();
  }
}
