package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class CommandLineTest {
  @TempDir Path dir;

  /** What a call printed and returned. */
  record Called(int exit, String out, String err) {}

  static Called call(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(err));
    int exit = line.execute(arguments);
    return new Called(exit, out.toString(), err.toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "dance",
        "node",
        "node show",
        "entry create",
        "entry create --spiffe-id spiffe://d/x --parent-id spiffe://d/p --selector unix",
        "entry create --spiffe-id http://d/x --parent-id spiffe://d/p --selector unix:uid:1",
        "entry update e1",
        "entry delete",
        "svid fetch",
        "bundle show --format der",
        "bench",
        "bench nothing",
        "run --colour=blue"
      })
  void a_wrong_call_is_one_line_and_exit_2(String arguments) {
    Called called = call(arguments.isEmpty() ? new String[0] : arguments.split(" "));
    assertThat(called.exit()).isEqualTo(2);
    assertThat(called.err().lines()).hasSize(1);
    assertThat(called.err()).startsWith("serai: usage: ").contains("--help");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "node list --socket /nowhere/admin.sock",
        "entry list --json --socket unix:///nowhere/admin.sock",
        "bundle show --socket /nowhere/admin.sock",
        "token create --socket /nowhere/admin.sock",
        "svid fetch x509 --socket /nowhere/api.sock",
        "health --url http://127.0.0.1:1"
      })
  void nobody_there_is_one_line_with_code_and_remedy_and_exit_1(String arguments) {
    Called called = call(arguments.split(" "));
    assertThat(called.exit()).isEqualTo(1);
    assertThat(called.err().lines()).hasSize(1);
    assertThat(called.err()).startsWith("serai: PEER_UNAVAILABLE: ").contains("| remedy: ");
    assertThat(called.out()).isEmpty();
  }

  @Test
  void an_unknown_key_in_the_configuration_ends_run_with_file_and_key() throws Exception {
    Path file = Files.writeString(dir.resolve("c.properties"), "serai.issuer.prot=1\n");
    Called called = call("run", "--config", file.toString());
    assertThat(called.exit()).isEqualTo(2);
    assertThat(called.err())
        .startsWith("serai: CONFIGURATION_INVALID: ")
        .contains("serai.issuer.prot", file.toString());
  }

  @Test
  void every_verb_explains_itself() {
    explain(Main.commandLine());
  }

  private static void explain(CommandLine line) {
    assertThat(line.getCommandSpec().usageMessage().description())
        .as(line.getCommandSpec().qualifiedName(" "))
        .isNotEmpty();
    line.getSubcommands().values().forEach(CommandLineTest::explain);
  }
}
