package dev.serai.spiffe;

/**
 * A SPIFFE ID. SPIFFE-ID, section 2.
 *
 * @param path empty for the trust domain itself, else with its leading slash; compared with case
 */
public record SpiffeId(TrustDomain trustDomain, String path) implements Comparable<SpiffeId> {
  private static final String SCHEME = "spiffe://";
  private static final int MAX_LENGTH = 2048;

  public SpiffeId {
    checkPath(path);
    if (SCHEME.length() + trustDomain.name().length() + path.length() > MAX_LENGTH) {
      throw new InvalidSpiffeIdException("ID is longer than 2048 bytes");
    }
  }

  /** From {@code spiffe://...}. @throws InvalidSpiffeIdException naming the broken rule */
  public static SpiffeId parse(String text) {
    if (text.isEmpty()) {
      throw new InvalidSpiffeIdException("cannot be empty");
    }
    if (!hasScheme(text)) {
      throw new InvalidSpiffeIdException("scheme is missing or invalid");
    }
    String rest = text.substring(SCHEME.length());
    int slash = rest.indexOf('/');
    String host = slash < 0 ? rest : rest.substring(0, slash);
    return new SpiffeId(
        new TrustDomain(TrustDomain.lowerCase(host)), slash < 0 ? "" : rest.substring(slash));
  }

  /** Case does not matter, but only that of ASCII: to Java a long s is an s too. */
  private static boolean hasScheme(String text) {
    return text.length() >= SCHEME.length()
        && TrustDomain.lowerCase(text.substring(0, SCHEME.length())).equals(SCHEME);
  }

  /** True for {@code /spire} and everything below it: names of the system, never of workloads. */
  public boolean isReserved() {
    return path.equals("/spire") || path.startsWith("/spire/");
  }

  /** True for {@code /spire/agent/<attestor>/<...>}. */
  public boolean isAgent() {
    return path.startsWith("/spire/agent/");
  }

  public boolean isMemberOf(TrustDomain domain) {
    return trustDomain.equals(domain);
  }

  private static void checkPath(String path) {
    if (path.isEmpty()) {
      return;
    }
    if (path.charAt(0) != '/') {
      throw new InvalidSpiffeIdException("path must have a leading slash");
    }
    int start = 1;
    while (start <= path.length()) {
      int end = path.indexOf('/', start);
      if (end < 0) {
        end = path.length();
      }
      checkSegment(path, start, end);
      start = end + 1;
    }
  }

  private static void checkSegment(String path, int start, int end) {
    if (start == end) {
      throw new InvalidSpiffeIdException(
          end == path.length()
              ? "path cannot have a trailing slash"
              : "path cannot contain empty segments");
    }
    boolean dots = end - start <= 2;
    for (int i = start; i < end; i++) {
      char c = path.charAt(i);
      boolean known =
          (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || c == '.'
              || c == '-'
              || c == '_';
      if (!known) {
        throw new InvalidSpiffeIdException(
            "path segment characters are limited to letters, numbers, dots, dashes, and"
                + " underscores");
      }
      dots &= c == '.';
    }
    if (dots) {
      throw new InvalidSpiffeIdException("path cannot contain dot segments");
    }
  }

  @Override
  public int compareTo(SpiffeId other) {
    int byDomain = trustDomain.compareTo(other.trustDomain);
    return byDomain != 0 ? byDomain : path.compareTo(other.path);
  }

  /** {@code spiffe://...}, as it stands in certificates. */
  @Override
  public String toString() {
    return SCHEME + trustDomain.name() + path;
  }
}
