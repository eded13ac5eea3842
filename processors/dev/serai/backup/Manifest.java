package dev.serai.backup;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What is in a backup.
 *
 * @param schema version of the database's schema
 * @param trustDomain empty when the process never kept a log
 * @param auditHead SEQUENCE:HASH of the last record in it; empty without a log
 */
public record Manifest(
    Instant madeAt,
    String version,
    String schema,
    String trustDomain,
    String auditHead,
    List<Item> files) {
  static final String NAME = "manifest.json";
  private static final int FORMAT = 1;
  private static final int MOST_FILES = 10_000;

  /** It says each thing once, and nothing after it. */
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /** One file. */
  public record Item(String path, long size, String sha256) {}

  public Manifest {
    files = List.copyOf(files);
  }

  byte[] toJson() {
    ObjectNode root =
        JSON.createObjectNode()
            .put("format", FORMAT)
            .put("madeAt", madeAt.toString())
            .put("serai", version)
            .put("schema", schema)
            .put("trustDomain", trustDomain)
            .put("auditHead", auditHead);
    var list = root.putArray("files");
    files.forEach(
        file ->
            list.addObject()
                .put("path", file.path())
                .put("size", file.size())
                .put("sha256", file.sha256()));
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(root);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("the manifest cannot be written", e);
    }
  }

  /**
   * @throws RefusalException BACKUP_INVALID
   */
  static Manifest parse(byte[] json) {
    try {
      JsonNode root = JSON.readTree(json);
      if (root.path("format").asInt() != FORMAT) {
        throw invalid("format " + root.path("format") + " is not known to this version");
      }
      List<Item> files = new ArrayList<>();
      Set<String> seen = new HashSet<>();
      for (JsonNode file : root.path("files")) {
        String path = file.path("path").asText();
        if (!StateFiles.isLawful(path) || !seen.add(path) || files.size() >= MOST_FILES) {
          throw invalid("a file that does not belong into a backup");
        }
        if (!file.path("size").isIntegralNumber() || file.path("size").asLong() < 0) {
          throw invalid("a file without size");
        }
        files.add(new Item(path, file.path("size").asLong(), file.path("sha256").asText()));
      }
      return new Manifest(
          Instant.parse(root.path("madeAt").asText()),
          root.path("serai").asText(),
          root.path("schema").asText(),
          root.path("trustDomain").asText(),
          root.path("auditHead").asText(),
          files);
    } catch (java.io.IOException | DateTimeException e) {
      throw new RefusalException(
          ReasonCode.BACKUP_INVALID, "its manifest cannot be read: " + e.getMessage(), e);
    }
  }

  static RefusalException invalid(String detail) {
    return new RefusalException(ReasonCode.BACKUP_INVALID, detail);
  }
}
