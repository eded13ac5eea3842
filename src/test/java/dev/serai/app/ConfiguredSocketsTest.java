package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfiguredSocketsTest {
  @TempDir Path home;

  @Test
  void without_a_configuration_the_commands_talk_to_the_demo_of_this_user() throws Exception {
    Map<String, String> environment = Map.of("XDG_STATE_HOME", home.toString());
    assertThat(ConfiguredSockets.usual(environment)).isEmpty();

    Path demo = Files.createDirectories(home.resolve("serai-demo")).resolve("demo.properties");
    Files.writeString(demo, "serai.trust-domain=demo.example\n");

    assertThat(ConfiguredSockets.usual(environment)).contains(demo);
  }

  @Test
  void a_state_directory_in_the_environment_is_meant() throws Exception {
    Path demo = Files.createDirectories(home.resolve("serai-demo")).resolve("demo.properties");
    Files.writeString(demo, "serai.trust-domain=demo.example\n");

    assertThat(
            ConfiguredSockets.usual(
                Map.of("XDG_STATE_HOME", home.toString(), "SERAI_STATE_DIR", "/x")))
        .isEmpty();
  }
}
