package dev.serai.spiffe;

/**
 * The name of a trust domain, in lower case. SPIFFE-ID, section 2.1.
 *
 * @param name 1 to 255 of {@code [a-z0-9.-_]}
 */
public record TrustDomain(String name) implements Comparable<TrustDomain> {
  private static final int MAX_LENGTH = 255;

  public TrustDomain {
    if (name.isEmpty()) {
      throw new InvalidSpiffeIdException("trust domain is missing");
    }
    if (name.length() > MAX_LENGTH) {
      throw new InvalidSpiffeIdException("trust domain is longer than 255 bytes");
    }
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      boolean known =
          (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
      if (!known) {
        throw new InvalidSpiffeIdException(
            "trust domain characters are limited to lowercase letters, numbers, dots, dashes, and"
                + " underscores");
      }
    }
  }

  /**
   * From a name or the ID of the trust domain; upper case letters are the same as lower case ones.
   *
   * @throws InvalidSpiffeIdException if it is neither
   */
  public static TrustDomain parse(String nameOrId) {
    if (nameOrId.contains("://")) {
      SpiffeId id = SpiffeId.parse(nameOrId);
      if (!id.path().isEmpty()) {
        throw new InvalidSpiffeIdException("the ID of a trust domain has no path");
      }
      return id.trustDomain();
    }
    return new TrustDomain(lowerCase(nameOrId));
  }

  /** Of the letters A to Z only: to Java the sign of Kelvin is a K, and that would be a k here. */
  static String lowerCase(String text) {
    StringBuilder lower = new StringBuilder(text);
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c >= 'A' && c <= 'Z') {
        lower.setCharAt(i, (char) (c - 'A' + 'a'));
      }
    }
    return lower.toString();
  }

  /** The ID of the trust domain itself, which its signing authorities carry. */
  public SpiffeId id() {
    return new SpiffeId(this, "");
  }

  /** An ID in this trust domain. @param path with its leading slash */
  public SpiffeId withPath(String path) {
    return new SpiffeId(this, path);
  }

  @Override
  public int compareTo(TrustDomain other) {
    return name.compareTo(other.name);
  }

  @Override
  public String toString() {
    return name;
  }
}
