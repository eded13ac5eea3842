package dev.serai.enrolment;

import static dev.serai.enrolment.RegistrarOperation.ACTIVATE;
import static dev.serai.enrolment.RegistrarOperation.DELETE;
import static dev.serai.enrolment.RegistrarOperation.ENROL;
import static dev.serai.enrolment.RegistrarOperation.LIST;
import static dev.serai.enrolment.RegistrarOperation.LOOKUP;
import static dev.serai.enrolment.RegistrarOperation.SHOW;
import static dev.serai.enrolment.RegistrarOperation.VERSION;

import dev.serai.keylime.ApiPath;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which operation a method and a path of Keylime's registrar API 2.x, or of Serai's own, stand for.
 */
final class RegistrarPaths {
  private static final Set<String> METHODS = Set.of("GET", "POST", "PUT", "PATCH", "DELETE");

  /** What was found. */
  sealed interface Found {}

  /**
   * @param id the text in the place of a node id; "" when the path has none
   */
  record Known(RegistrarOperation operation, String id) implements Found {}

  /** No such path, or a version that is not served: 404. */
  record NoSuchPath() implements Found {}

  /** The path exists with another method: 405. */
  record OtherMethod() implements Found {}

  /** A method that no path has: 501. */
  record NoSuchMethod() implements Found {}

  private RegistrarPaths() {}

  static Found find(String method, String path) {
    if (!METHODS.contains(method)) {
      return new NoSuchMethod();
    }
    ApiPath parts = ApiPath.of(path);
    if (parts.is("version")) {
      return choose(Map.of("GET", VERSION), method, "");
    }
    if (parts.segments().size() == 4
        && parts.segments().subList(0, 3).equals(List.of("serai", "v1", "nodes"))) {
      return choose(Map.of("GET", LOOKUP), method, parts.segments().get(3));
    }
    if (!parts.versioned() || parts.rest().isEmpty() || !parts.rest().get(0).equals("agents")) {
      return new NoSuchPath();
    }
    List<String> rest = parts.rest();
    if (rest.size() == 1) {
      return choose(Map.of("GET", LIST, "POST", ENROL), method, "");
    }
    String id = rest.get(1);
    if (rest.size() == 2 && !id.isEmpty()) {
      return choose(
          Map.of("GET", SHOW, "POST", ENROL, "PUT", ACTIVATE, "DELETE", DELETE), method, id);
    }
    if (rest.size() == 3 && !id.isEmpty() && rest.get(2).equals("activate")) {
      return choose(Map.of("POST", ACTIVATE, "PUT", ACTIVATE), method, id);
    }
    return new NoSuchPath();
  }

  private static Found choose(Map<String, RegistrarOperation> byMethod, String method, String id) {
    RegistrarOperation operation = byMethod.get(method);
    return operation == null ? new OtherMethod() : new Known(operation, id);
  }
}
