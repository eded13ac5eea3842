package dev.serai.appraisal;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.location.LocationPolicy;
import dev.serai.location.LocationPolicyReader;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Policies as files, see config/policies/README.md. Every mistake is a start-up error that names
 * file and key.
 */
public final class PolicyFile {
  /** Prefix of policies that come with Serai. */
  public static final String BUILT_IN = "builtin:";

  private static final String RECORDED = "recorded-at-enrolment";
  private static final int MAX_SIZE = 1024 * 1024;
  private static final int MAX_VALUES = 1024;
  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private final String file;

  private PolicyFile(String file) {
    this.file = file;
  }

  /**
   * From a path, or {@code builtin:<name>} for one of config/policies.
   *
   * @throws RefusalException CONFIGURATION_INVALID
   */
  public static AppraisalPolicy load(String location) {
    PolicyFile policy = new PolicyFile(location);
    return policy.parse(policy.read());
  }

  /**
   * From text.
   *
   * @param name used in errors
   * @throws RefusalException CONFIGURATION_INVALID
   */
  public static AppraisalPolicy parse(String name, String json) {
    return new PolicyFile(name).parse(json);
  }

  /** SHA-256 of the text in hex, for the record of which policy was in force. */
  public static String digest(String location) {
    MessageDigest digest = TpmHash.SHA256.newDigest();
    Bytes.ofText(new PolicyFile(location).read()).writeTo(digest);
    return Bytes.copyOf(digest.digest()).toHex();
  }

  private String read() {
    try {
      if (!file.startsWith(BUILT_IN)) {
        Path path = Path.of(file);
        if (Files.size(path) > MAX_SIZE) {
          throw invalid("", "larger than %d bytes".formatted(MAX_SIZE));
        }
        return Files.readString(path);
      }
      String name = file.substring(BUILT_IN.length());
      if (!name.matches("[a-z0-9-]{1,60}")) {
        throw invalid("", "no such built-in policy");
      }
      try (InputStream in =
          PolicyFile.class.getResourceAsStream("/config/policies/" + name + ".json")) {
        if (in == null) {
          throw invalid("", "no such built-in policy");
        }
        return Bytes.copyOf(in.readAllBytes()).toText();
      }
    } catch (IOException | InvalidPathException e) {
      throw invalid("", "cannot be read: " + e);
    }
  }

  private AppraisalPolicy parse(String json) {
    JsonNode root;
    try {
      root = JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw invalid("", "not JSON: " + e.getOriginalMessage());
    }
    object("", root, Set.of("name", "pcrs", "clock", "location"));
    if (!root.path("name").isTextual() || root.path("name").textValue().isBlank()) {
      throw invalid("name", "a text is needed");
    }
    return new AppraisalPolicy(
        root.path("name").textValue(),
        pcrs(root.path("pcrs")),
        clock(root.path("clock")),
        location(root.path("location")));
  }

  private Optional<LocationPolicy> location(JsonNode node) {
    if (node.isMissingNode()) {
      return Optional.empty();
    }
    try {
      return Optional.of(LocationPolicyReader.read("location", node));
    } catch (LocationPolicyReader.InvalidPolicyException e) {
      throw invalid(e.key(), e.getMessage());
    }
  }

  private PcrPolicy pcrs(JsonNode node) {
    object("pcrs", node, Set.of());
    Map<TpmHash, SortedMap<Integer, PcrRule>> rules = new EnumMap<>(TpmHash.class);
    for (Iterator<Map.Entry<String, JsonNode>> it = node.fields(); it.hasNext(); ) {
      Map.Entry<String, JsonNode> bank = it.next();
      String key = "pcrs." + bank.getKey();
      TpmHash hash =
          TpmHash.byBankName(bank.getKey())
              .orElseThrow(
                  () -> invalid(key, "no bank of that name: sha1, sha256, sha384, sha512"));
      object(key, bank.getValue(), Set.of());
      SortedMap<Integer, PcrRule> ofBank = new TreeMap<>();
      bank.getValue()
          .fields()
          .forEachRemaining(
              pcr -> {
                String pcrKey = key + "." + pcr.getKey();
                ofBank.put(index(pcrKey, pcr.getKey()), rule(pcrKey, hash, pcr.getValue()));
              });
      if (ofBank.isEmpty()) {
        throw invalid(key, "no PCR");
      }
      rules.put(hash, ofBank);
    }
    if (rules.isEmpty()) {
      throw invalid("pcrs", "no bank; a policy without PCRs would allow everything");
    }
    return new PcrPolicy(rules);
  }

  private int index(String key, String text) {
    if (!text.matches("[0-9]|1[0-9]|2[0-3]")) {
      throw invalid(key, "PCRs are 0 to 23");
    }
    return Integer.parseInt(text);
  }

  private PcrRule rule(String key, TpmHash bank, JsonNode node) {
    if (node.isTextual() && node.textValue().equals(RECORDED)) {
      return new PcrRule.RecordedAtEnrolment();
    }
    if (node.isTextual()) {
      return new PcrRule.AnyOf(Set.of(value(key, bank, node)));
    }
    if (!node.isArray() || node.isEmpty() || node.size() > MAX_VALUES) {
      throw invalid(key, "a hex value, a list of hex values or \"" + RECORDED + "\" is needed");
    }
    Set<Bytes> values = new HashSet<>();
    for (int i = 0; i < node.size(); i++) {
      values.add(value(key + "[" + i + "]", bank, node.get(i)));
    }
    return new PcrRule.AnyOf(values);
  }

  private Bytes value(String key, TpmHash bank, JsonNode node) {
    String hex = node.isTextual() ? node.textValue() : "";
    if (hex.length() != 2 * bank.digestLength() || !hex.matches("[0-9a-fA-F]+")) {
      throw invalid(
          key,
          "%d hex digits are needed for bank %s"
              .formatted(2 * bank.digestLength(), bank.bankName()));
    }
    return Bytes.ofHex(hex);
  }

  private ClockPolicy clock(JsonNode node) {
    if (node.isMissingNode()) {
      return ClockPolicy.STRICT;
    }
    object("clock", node, Set.of("allow-unsafe", "reboot-needs-attestation"));
    return new ClockPolicy(
        flag("clock.allow-unsafe", node.path("allow-unsafe")),
        flag("clock.reboot-needs-attestation", node.path("reboot-needs-attestation")));
  }

  private boolean flag(String key, JsonNode node) {
    if (node.isMissingNode()) {
      return false;
    }
    if (!node.isBoolean()) {
      throw invalid(key, "true or false is needed");
    }
    return node.booleanValue();
  }

  /** An object; with known keys only, when these are named. */
  private void object(String key, JsonNode node, Set<String> known) {
    if (node == null || !node.isObject()) {
      throw invalid(key, "an object is needed");
    }
    if (!known.isEmpty()) {
      List<String> names = new ArrayList<>();
      node.fieldNames().forEachRemaining(names::add);
      names.removeAll(known);
      if (!names.isEmpty()) {
        throw invalid(key.isEmpty() ? names.get(0) : key + "." + names.get(0), "unknown key");
      }
    }
  }

  private RefusalException invalid(String key, String what) {
    return new RefusalException(
        ReasonCode.CONFIGURATION_INVALID,
        "policy %s%s: %s".formatted(file, key.isEmpty() ? "" : ", key " + key, what));
  }
}
