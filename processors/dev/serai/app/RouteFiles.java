package dev.serai.app;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/**
 * Which route files a process loads: those of {@code common} and of its roles, as shipped, where a
 * file of an operator's directory replaces the shipped one of the same name or is added.
 */
final class RouteFiles {
  private static final String ROOT = "routes/";
  private static final String SUFFIX = ".camel.yaml";
  private static final String COMMON = "common";

  /** For processes that keep an audit log: those with any of these roles. */
  private static final String AUDIT = "audit";

  private static final Set<String> RECORDING =
      Set.of("registrar", "verifier", "issuer", "sensor", "gate");

  private RouteFiles() {}

  /** The files to load, common ones first. */
  static List<RouteFile> of(Set<String> roles, Optional<Path> operatorDir) {
    return select(shipped(), operatorDir.map(RouteFiles::inDirectory).orElse(List.of()), roles);
  }

  /** A route file: its folder (a role, common, or empty), name and location. */
  record RouteFile(String folder, String name, String location) {
    /** By our convention the file is named after its route. */
    String routeId() {
      return name.substring(0, name.length() - SUFFIX.length());
    }
  }

  static List<RouteFile> select(
      List<RouteFile> shipped, List<RouteFile> operators, Set<String> roles) {
    Map<String, RouteFile> byName = new TreeMap<>();
    shipped.forEach(file -> byName.put(file.name(), file));
    for (RouteFile file : operators) {
      RouteFile replaced = byName.get(file.name());
      String folder = replaced != null ? replaced.folder() : file.folder();
      byName.put(file.name(), new RouteFile(folder, file.name(), file.location()));
    }
    Set<String> known = Set.copyOf(RoleCatalog.NAMES);
    return byName.values().stream()
        .filter(file -> roles.contains(file.folder()) || !known.contains(file.folder()))
        .filter(
            file -> !file.folder().equals(AUDIT) || roles.stream().anyMatch(RECORDING::contains))
        .sorted(Comparator.comparing(file -> !file.folder().equals(COMMON)))
        .toList();
  }

  static List<RouteFile> shipped() {
    try {
      Path code =
          Path.of(RouteFiles.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      if (Files.isDirectory(code)) {
        return inDirectory(code.resolve(ROOT)).stream()
            .map(
                f ->
                    new RouteFile(
                        f.folder(), f.name(), "classpath:" + ROOT + f.folder() + "/" + f.name()))
            .toList();
      }
      try (JarFile jar = new JarFile(code.toFile())) {
        return jar.stream()
            .map(entry -> entry.getName())
            .filter(name -> name.startsWith(ROOT) && name.endsWith(SUFFIX))
            .map(name -> Path.of(name.substring(ROOT.length())))
            .map(path -> file(path, "classpath:" + ROOT + path))
            .toList();
      }
    } catch (IOException | URISyntaxException e) {
      throw new IllegalStateException("cannot list the shipped routes", e);
    }
  }

  private static List<RouteFile> inDirectory(Path dir) {
    if (!Files.isDirectory(dir)) {
      throw LayeredSettings.invalid("no directory of routes: " + dir);
    }
    try (Stream<Path> files = Files.walk(dir)) {
      return files
          .filter(file -> file.getFileName().toString().endsWith(SUFFIX))
          .sorted()
          .map(file -> file(dir.relativize(file), "file:" + file.toAbsolutePath()))
          .toList();
    } catch (IOException e) {
      throw LayeredSettings.invalid("cannot read routes in " + dir + ": " + e.getMessage());
    }
  }

  private static RouteFile file(Path relative, String location) {
    String folder = relative.getNameCount() > 1 ? relative.getName(0).toString() : "";
    return new RouteFile(folder, relative.getFileName().toString(), location);
  }
}
