package dev.serai.spiffe;

/**
 * A fact about a node or workload.
 *
 * @param type who found it, for instance {@code unix}; holds no colon
 * @param value the fact, for instance {@code uid:1000}
 */
public record Selector(String type, String value) implements Comparable<Selector> {
  public Selector {
    if (type.isEmpty()) {
      throw new IllegalArgumentException("missing selector type");
    }
    if (type.indexOf(':') >= 0) {
      throw new IllegalArgumentException("selector type contains ':'");
    }
    if (value.isEmpty()) {
      throw new IllegalArgumentException("missing selector value");
    }
  }

  /** From {@code type:value}; the value may hold colons. */
  public static Selector parse(String text) {
    int colon = text.indexOf(':');
    if (colon < 0) {
      throw new IllegalArgumentException("selector \"" + text + "\" has no colon");
    }
    return new Selector(text.substring(0, colon), text.substring(colon + 1));
  }

  @Override
  public int compareTo(Selector other) {
    int byType = type.compareTo(other.type);
    return byType != 0 ? byType : value.compareTo(other.value);
  }

  @Override
  public String toString() {
    return type + ":" + value;
  }
}
