package dev.serai.audit;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Something to record. What came from outside is cut to a length and loses its control characters;
 * a join token in an id is replaced by the beginning of its digest.
 *
 * @param subject whom it is about: a node id, a SPIFFE id, an authority, a file
 * @param detail short facts; no secret, no personal data, no set of selectors
 */
public record AuditEvent(
    AuditKind kind, String subject, List<ReasonCode> reasons, Map<String, Object> detail) {
  private static final int MAX_TEXT = 512;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern TOKEN =
      Pattern.compile("(/spire/agent/join_token/)(?!sha256:)([^/\\s\"]+)");

  public AuditEvent {
    subject = lawful(subject);
    reasons = List.copyOf(reasons);
    Map<String, Object> copy = new TreeMap<>();
    detail.forEach(
        (name, value) -> copy.put(name, value instanceof String text ? lawful(text) : value));
    detail = Collections.unmodifiableMap(copy);
  }

  public static AuditEvent of(AuditKind kind, String subject) {
    return new AuditEvent(kind, subject, List.of(), Map.of());
  }

  /** The codes only: details may hold what others wrote. */
  public AuditEvent because(List<Reason> why) {
    return new AuditEvent(
        kind, subject, why.stream().map(Reason::code).distinct().toList(), detail);
  }

  public AuditEvent because(ReasonCode code) {
    return new AuditEvent(kind, subject, List.of(code), detail);
  }

  public AuditEvent with(String name, String value) {
    return withValue(name, value);
  }

  public AuditEvent with(String name, long value) {
    return withValue(name, value);
  }

  public AuditEvent with(String name, boolean value) {
    return withValue(name, value);
  }

  private AuditEvent withValue(String name, Object value) {
    Map<String, Object> more = new TreeMap<>(detail);
    more.put(name, value);
    return new AuditEvent(kind, subject, reasons, more);
  }

  /** The beginning of a secret's digest: tells two apart and gives neither away. */
  public static String digestOf(String secret) {
    return "sha256:" + sha256(secret.getBytes(StandardCharsets.UTF_8)).substring(0, 16);
  }

  /** In hex. */
  public static String sha256(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java has no SHA-256", e);
    }
  }

  String detailText() {
    try {
      return JSON.writeValueAsString(detail);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a detail cannot be written", e);
    }
  }

  static String lawful(String text) {
    String plain = text.replaceAll("\\p{Cntrl}+", " ");
    String cut = plain.length() > MAX_TEXT ? plain.substring(0, MAX_TEXT) : plain;
    return TOKEN.matcher(cut).replaceAll(found -> found.group(1) + digestOf(found.group(2)));
  }
}
