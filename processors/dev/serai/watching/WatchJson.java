package dev.serai.watching;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.appraisal.StateReport;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.store.DatabaseException;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** Parts of rows that are JSON. */
final class WatchJson {
  private static final ObjectMapper JSON = new ObjectMapper();

  private WatchJson() {}

  private record StoredReason(
      @JsonProperty("code") ReasonCode code, @JsonProperty("detail") String detail) {}

  private record StoredReport(
      @JsonProperty("state") StateReport.State state,
      @JsonProperty("reasons") List<StoredReason> reasons,
      @JsonProperty("at") long at) {}

  static String reasons(List<Reason> reasons) {
    return write(stored(reasons));
  }

  static List<Reason> reasons(String json) {
    return open(read(json, new TypeReference<List<StoredReason>>() {}));
  }

  static String report(StateReport report) {
    return write(
        new StoredReport(report.state(), stored(report.reasons()), report.at().toEpochMilli()));
  }

  static StateReport report(String nodeId, String json) {
    StoredReport stored = read(json, new TypeReference<StoredReport>() {});
    if (stored.state() == null) {
      throw unreadable(null);
    }
    return new StateReport(
        nodeId, stored.state(), open(stored.reasons()), Instant.ofEpochMilli(stored.at()));
  }

  static String texts(Map<String, String> texts) {
    return write(texts);
  }

  static Map<String, String> texts(String json) {
    return read(json, new TypeReference<Map<String, String>>() {});
  }

  private static List<StoredReason> stored(List<Reason> reasons) {
    return reasons.stream().map(r -> new StoredReason(r.code(), r.detail())).toList();
  }

  private static List<Reason> open(List<StoredReason> stored) {
    boolean whole =
        stored != null
            && stored.stream().allMatch(r -> r != null && r.code() != null && r.detail() != null);
    if (!whole) {
      throw unreadable(null);
    }
    return stored.stream().map(r -> new Reason(r.code(), r.detail())).toList();
  }

  private static String write(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a record of ours does not become JSON", e);
    }
  }

  private static <T> T read(String json, TypeReference<T> type) {
    try {
      T value = JSON.readValue(json, type);
      if (value == null) {
        throw unreadable(null);
      }
      return value;
    } catch (JsonProcessingException e) {
      throw unreadable(e);
    }
  }

  private static DatabaseException unreadable(JsonProcessingException cause) {
    return new DatabaseException("a stored row cannot be read", cause);
  }
}
