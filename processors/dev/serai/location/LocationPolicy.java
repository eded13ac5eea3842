package dev.serai.location;

import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;

/**
 * Which rule holds for which node: the first group that names it, else the default.
 *
 * @param byDefault for nodes of no group; always written by somebody, never assumed
 */
public record LocationPolicy(List<Group> groups, LocationRule byDefault) {
  public LocationPolicy {
    groups = List.copyOf(groups);
    Objects.requireNonNull(byDefault);
  }

  /** Nodes, and what holds for them. */
  public record Group(List<NodePattern> nodes, LocationRule rule) {
    public Group {
      nodes = List.copyOf(nodes);
      if (nodes.isEmpty()) {
        throw new IllegalArgumentException("a group without nodes");
      }
      Objects.requireNonNull(rule);
    }
  }

  /** A node id, the beginning of node ids with {@code *} after it, or {@code ek:} and a Name. */
  public record NodePattern(String text) {
    private static final Pattern FORM =
        Pattern.compile("ek:([0-9a-f]{2}){18,66}|[A-Za-z0-9_.-]{1,80}\\*?|\\*");

    public NodePattern {
      if (!FORM.matcher(text).matches()) {
        throw new IllegalArgumentException(
            "not a node id, the beginning of one with *, nor ek: and an EK Name in hex");
      }
    }

    boolean matches(String nodeId, String ekName) {
      if (text.startsWith("ek:")) {
        return text.substring(3).equals(ekName);
      }
      return text.endsWith("*")
          ? nodeId.startsWith(text.substring(0, text.length() - 1))
          : nodeId.equals(text);
    }
  }

  /**
   * @param ekName hex
   */
  public LocationRule ruleFor(String nodeId, String ekName) {
    return groups.stream()
        .filter(group -> group.nodes().stream().anyMatch(n -> n.matches(nodeId, ekName)))
        .map(Group::rule)
        .findFirst()
        .orElse(byDefault);
  }

  /** Whether some node is asked where it is. */
  public boolean demandsLocation() {
    return byDefault.need() == LocationRule.Need.REQUIRED
        || groups.stream().anyMatch(g -> g.rule().need() == LocationRule.Need.REQUIRED);
  }
}
