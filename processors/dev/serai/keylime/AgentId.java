package dev.serai.keylime;

import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The id under which a node is known: 1 to 80 of [A-Za-z0-9_.-], and no step of a path. Keylime
 * calls it agent uuid.
 */
public record AgentId(String text) {
  /** Longest id Keylime stores. */
  public static final int MAX_LENGTH = 80;

  private static final Pattern ALLOWED =
      Pattern.compile("(?!\\.{1,2}$)[A-Za-z0-9_.-]{1," + MAX_LENGTH + "}");

  public AgentId {
    if (!ALLOWED.matcher(text).matches()) {
      throw new IllegalArgumentException(
          "a node id is 1 to %d of [A-Za-z0-9_.-], not . or ..".formatted(MAX_LENGTH));
    }
  }

  /** Empty when the text is not a node id. */
  public static Optional<AgentId> parse(String text) {
    return ALLOWED.matcher(text).matches() ? Optional.of(new AgentId(text)) : Optional.empty();
  }

  @Override
  public String toString() {
    return text;
  }
}
