package dev.serai.gate;

import dev.serai.tpm.wire.MalformedStructureException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The header {@code x-forwarded-client-cert}, as a proxy with SANITIZE_SET writes it: one element,
 * about its own TLS peer. Each proxy that appends adds one, and a client may begin; so a header of
 * several says nothing about who is there, and is refused whole.
 */
final class ForwardedCertificate {
  /** In lower case, as Envoy hands headers on. */
  static final String HEADER = "x-forwarded-client-cert";

  private static final int MOST_PAIRS = 32;

  private ForwardedCertificate() {}

  /**
   * The peer's own certificate, in URL encoding; empty when the element has none. Never one of its
   * {@code Chain}.
   */
  static Optional<String> parse(String header) throws MalformedStructureException {
    if (header.length() > 2 * PresentedCertificate.MAX_TEXT) {
      throw malformed("%d characters".formatted(header.length()));
    }
    return Optional.ofNullable(pairs(header).get("cert")).filter(text -> !text.isEmpty());
  }

  private static Map<String, String> pairs(String header) throws MalformedStructureException {
    Map<String, String> pairs = new HashMap<>();
    int at = 0;
    int count = 0;
    while (at < header.length()) {
      if (++count > MOST_PAIRS) {
        throw malformed("too many parts");
      }
      int equals = header.indexOf('=', at);
      if (equals < 0) {
        throw malformed("a part without a value");
      }
      String key = header.substring(at, equals).strip().toLowerCase(Locale.ROOT);
      StringBuilder value = new StringBuilder();
      at = value(header, equals + 1, value);
      // Several names of one certificate have several parts; only what is used has to be alone.
      if (pairs.put(key, value.toString()) != null && key.equals("cert")) {
        throw malformed("two certificates");
      }
    }
    return pairs;
  }

  /** Reads one value and gives the place after the semicolon that ends it. */
  private static int value(String header, int from, StringBuilder value)
      throws MalformedStructureException {
    int at = from;
    boolean quoted = at < header.length() && header.charAt(at) == '"';
    if (quoted) {
      at++;
    }
    while (at < header.length()) {
      char c = header.charAt(at++);
      if (quoted && c == '\\' && at < header.length()) {
        value.append(header.charAt(at++));
      } else if (quoted && c == '"') {
        return afterQuoted(header, at);
      } else if (!quoted && c == ',') {
        throw malformed("several elements; the proxy has to use SANITIZE_SET");
      } else if (!quoted && c == ';') {
        return at;
      } else {
        value.append(c);
      }
    }
    if (quoted) {
      throw malformed("a value that does not end");
    }
    return at;
  }

  private static int afterQuoted(String header, int at) throws MalformedStructureException {
    if (at == header.length()) {
      return at;
    }
    if (header.charAt(at) == ';') {
      return at + 1;
    }
    throw malformed(
        header.charAt(at) == ','
            ? "several elements; the proxy has to use SANITIZE_SET"
            : "something after a quoted value");
  }

  private static MalformedStructureException malformed(String what) {
    return new MalformedStructureException(HEADER, what);
  }
}
