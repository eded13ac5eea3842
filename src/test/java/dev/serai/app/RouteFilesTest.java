package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.app.RouteFiles.RouteFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RouteFilesTest {
  private static final RouteFile COMMON = new RouteFile("common", "e.camel.yaml", "classpath:e");
  private static final RouteFile ISSUER = new RouteFile("issuer", "i.camel.yaml", "classpath:i");
  private static final RouteFile AGENT = new RouteFile("agent", "a.camel.yaml", "classpath:a");
  private static final List<RouteFile> SHIPPED = List.of(AGENT, ISSUER, COMMON);
  @TempDir Path dir;

  private static List<String> chosen(List<RouteFile> operators, String... roles) {
    return RouteFiles.select(SHIPPED, operators, Set.of(roles)).stream()
        .map(RouteFile::location)
        .toList();
  }

  @Test
  void common_comes_first_and_other_roles_do_not_come() {
    assertThat(chosen(List.of(), "issuer")).containsExactly("classpath:e", "classpath:i");
  }

  @Test
  void an_operators_file_of_the_same_name_replaces() {
    RouteFile own = new RouteFile("", "i.camel.yaml", "file:i");
    assertThat(chosen(List.of(own), "issuer")).containsExactly("classpath:e", "file:i");
    assertThat(chosen(List.of(own), "agent")).containsExactly("classpath:e", "classpath:a");
  }

  @Test
  void an_operators_further_file_is_added_unless_it_is_for_a_role_that_is_not_here() {
    RouteFile further = new RouteFile("", "z.camel.yaml", "file:z");
    RouteFile agents = new RouteFile("agent", "y.camel.yaml", "file:y");
    assertThat(chosen(List.of(further, agents), "issuer"))
        .containsExactly("classpath:e", "classpath:i", "file:z");
  }

  @Test
  void a_directory_is_read_with_its_folders() throws Exception {
    Files.createDirectories(dir.resolve("agent"));
    Files.writeString(dir.resolve("agent/own.camel.yaml"), "");
    Files.writeString(dir.resolve("README.md"), "");
    assertThat(RouteFiles.of(Set.of("agent"), Optional.of(dir)))
        .filteredOn(file -> file.name().equals("own.camel.yaml"))
        .singleElement()
        .satisfies(file -> assertThat(file.routeId()).isEqualTo("own"));
  }
}
