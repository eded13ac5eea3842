package dev.serai.management;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.management.ConsoleLogin.Result;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConsoleLoginTest {
  @TempDir Path dir;
  private final AtomicLong nanos = new AtomicLong(5);

  private static Optional<String> basic(String password) {
    return Optional.of(
        "Basic "
            + Base64.getEncoder()
                .encodeToString(("serai:" + password).getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void wrong_passwords_are_slowed_down_and_the_right_one_is_let_in_again_later() throws Exception {
    Path file = dir.resolve("password");
    ConsoleLogin login = new ConsoleLogin(ConsolePassword.at(file), nanos::get);
    Optional<String> right = basic(Files.readString(file).trim());
    for (int i = 0; i < ConsoleLogin.AT_ONCE; i++) {
      assertThat(login.check(Optional.empty())).isEqualTo(Result.REQUIRED);
      assertThat(login.check(right)).isEqualTo(Result.ACCEPTED);
      assertThat(login.check(basic("guess" + i))).isEqualTo(Result.REQUIRED);
    }
    assertThat(login.check(basic("one more"))).isEqualTo(Result.TOO_MANY);
    assertThat(login.check(right)).as("no password is looked at").isEqualTo(Result.TOO_MANY);
    nanos.addAndGet(ConsoleLogin.REFILL_NANOS);
    assertThat(login.check(right)).isEqualTo(Result.ACCEPTED);
    assertThat(login.check(basic("again"))).isEqualTo(Result.REQUIRED);
    assertThat(login.check(basic("again"))).isEqualTo(Result.TOO_MANY);
  }
}
