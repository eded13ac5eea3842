package dev.serai.keylime;

import java.util.ArrayList;
import java.util.List;

/**
 * A request path, taken apart. Not decoded: no name on these interfaces needs percent signs, so a
 * path with one simply matches nothing.
 *
 * @param segments the parts between slashes; a trailing slash adds none
 */
public record ApiPath(List<String> segments) {
  private static final int MAX_LENGTH = 512;

  public ApiPath {
    segments = List.copyOf(segments);
  }

  /** Any text gives a path; one that is too long gives a path that matches nothing. */
  public static ApiPath of(String path) {
    if (path.length() > MAX_LENGTH) {
      return new ApiPath(List.of("", ""));
    }
    List<String> segments = new ArrayList<>(List.of(path.split("/", -1)));
    if (segments.get(0).isEmpty()) {
      segments.remove(0);
    }
    if (!segments.isEmpty() && segments.get(segments.size() - 1).isEmpty()) {
      segments.remove(segments.size() - 1);
    }
    return new ApiPath(segments);
  }

  /** Whether it begins with a version served; {@link #rest} is what follows it. */
  public boolean versioned() {
    return !segments.isEmpty() && ApiVersion.ofPrefix(segments.get(0)).isPresent();
  }

  /** Whether it begins with something that looks like a version, served or not. */
  public boolean claimsVersion() {
    return !segments.isEmpty() && segments.get(0).matches("v[0-9]{1,3}(\\.[0-9]{1,3})?");
  }

  /** The version of a {@link #versioned} path. */
  public ApiVersion version() {
    return ApiVersion.ofPrefix(segments.get(0)).orElseThrow();
  }

  /** What follows the first segment. */
  public List<String> rest() {
    return segments.isEmpty() ? List.of() : segments.subList(1, segments.size());
  }

  /** Whether the path is exactly these segments. */
  public boolean is(String... exactly) {
    return segments.equals(List.of(exactly));
  }
}
