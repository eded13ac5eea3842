package dev.serai.testing.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Nothing by which a fault could be planted is shipped: no class of the tests is in the product.
 */
@Tag("slow")
class ProductHoldsNoFaultsTest {
  private static Path home(Class<?> type) throws URISyntaxException {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
  }

  private static Set<String> files(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> root.relativize(file).toString())
          .collect(Collectors.toSet());
    }
  }

  @Test
  void the_product_has_no_class_of_the_tests() throws Exception {
    Path tests = home(FaultSwitches.class);
    Path product = home(dev.serai.app.Main.class);
    assertThat(tests).isNotEqualTo(product);
    Set<String> ours =
        files(tests).stream().filter(file -> file.endsWith(".class")).collect(Collectors.toSet());
    assertThat(ours).contains("dev/serai/testing/faults/FaultSwitches.class");
    assertThat(files(product)).doesNotContainAnyElementsOf(ours);
    Path jar = product.resolveSibling("serai.jar");
    if (Files.exists(jar)) { // not while the classes alone are compiled
      try (ZipFile zip = new ZipFile(jar.toFile())) {
        List<String> entries = zip.stream().map(entry -> entry.getName()).toList();
        assertThat(entries).contains("dev/serai/app/Main.class").doesNotContainAnyElementsOf(ours);
      }
    }
  }
}
