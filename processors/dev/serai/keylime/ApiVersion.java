package dev.serai.keylime;

import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A version of Keylime's REST interface. The pull model is 2.x; every 2.x has the same handlers.
 */
public record ApiVersion(int major, int minor) {
  /** The versions served, oldest first. */
  public static final List<ApiVersion> SUPPORTED =
      IntStream.rangeClosed(0, 6).mapToObj(minor -> new ApiVersion(2, minor)).toList();

  /** The newest version served. */
  public static final ApiVersion CURRENT = SUPPORTED.get(SUPPORTED.size() - 1);

  /** Keylime's verifier looks for this text in an agent's 400 and then asks /version again. */
  public static final String NOT_SUPPORTED = "API version not supported";

  /** A path prefix without the slash: v2 (the newest 2.x) or v2.N. Empty when it is not served. */
  public static Optional<ApiVersion> ofPrefix(String prefix) {
    if (prefix.equals("v" + CURRENT.major)) {
      return Optional.of(CURRENT);
    }
    return SUPPORTED.stream().filter(v -> prefix.equals("v" + v)).findFirst();
  }

  /** The version numbers served, as /version lists them. */
  public static List<String> supportedTexts() {
    return SUPPORTED.stream().map(ApiVersion::toString).toList();
  }

  /**
   * The newest version that both sides speak.
   *
   * @param offered version numbers of the other side, for instance from its /version
   */
  public static Optional<ApiVersion> newestCommon(List<String> offered) {
    ApiVersion best = null;
    for (ApiVersion version : SUPPORTED) {
      if (offered.contains(version.toString())) {
        best = version;
      }
    }
    return Optional.ofNullable(best);
  }

  @Override
  public String toString() {
    return major + "." + minor;
  }
}
