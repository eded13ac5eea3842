package dev.serai.service;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ControlSocketTest {
  @TempDir Path dir;

  private static void refuses(ThrowingCallable call, ReasonCode code) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            RefusalException.class, e -> assertThat(e.reason().code()).isEqualTo(code));
  }

  @Test
  void a_line_is_answered_and_the_socket_is_private_and_goes_with_its_process() throws Exception {
    Path path = dir.resolve("control.sock");
    try (ControlSocket socket = ControlSocket.open(path, line -> "heard " + line)) {
      assertThat(ControlSocket.ask(path, "reload")).isEqualTo("heard reload");
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
          .isEqualTo("rw-------");
    }
    assertThat(path).doesNotExist();
    refuses(() -> ControlSocket.ask(path, "reload"), ReasonCode.PEER_UNAVAILABLE);
  }

  @Test
  void a_second_process_is_kept_out_and_what_a_dead_one_left_is_removed() throws Exception {
    Path path = dir.resolve("control.sock");
    Files.writeString(path, "left");
    try (ControlSocket socket = ControlSocket.open(path, line -> line)) {
      refuses(() -> ControlSocket.open(path, line -> line), ReasonCode.ADDRESS_IN_USE);
      assertThat(ControlSocket.ask(path, "still here")).isEqualTo("still here");
    }
  }

  @Test
  void a_line_that_is_too_long_gets_no_answer() {
    Path path = dir.resolve("control.sock");
    try (ControlSocket socket = ControlSocket.open(path, line -> line)) {
      assertThatThrownBy(() -> ControlSocket.ask(path, "x".repeat(200)))
          .isInstanceOf(RefusalException.class);
      assertThat(ControlSocket.ask(path, "x")).isEqualTo("x");
    }
  }

  @Test
  void callers_who_say_nothing_do_not_keep_others_out() throws Exception {
    Path path = dir.resolve("control.sock");
    List<SocketChannel> silent = new ArrayList<>();
    try (ControlSocket socket =
        ControlSocket.open(path, line -> "heard " + line, Duration.ofMillis(300))) {
      for (int i = 0; i < 8; i++) {
        SocketChannel one = SocketChannel.open(StandardProtocolFamily.UNIX);
        silent.add(one);
        one.connect(UnixDomainSocketAddress.of(path));
        try {
          one.write(ByteBuffer.wrap(new byte[] {'r'}));
        } catch (IOException e) {
          assertThat(i).as("callers that had a place").isGreaterThanOrEqualTo(4);
        }
      }
      await()
          .atMost(Duration.ofSeconds(60))
          .ignoreExceptions()
          .until(() -> ControlSocket.ask(path, "reload").equals("heard reload"));
    } finally {
      for (SocketChannel one : silent) {
        one.close();
      }
    }
  }

  /** The mode was opened by somebody: the kernel's word on the caller still counts. */
  @Test
  void another_user_is_refused_whatever_the_mode_says() throws Exception {
    Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
    Path path = dir.resolve("control.sock");
    try (ControlSocket socket = ControlSocket.open(path, line -> "heard " + line)) {
      for (Path open = path; open.startsWith(dir); open = open.getParent()) {
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
      }
      assertThat(askAs("0", path)).contains("heard hello");
      assertThat(askAs("65534", path)).doesNotContain("heard");
    }
  }

  private static String askAs(String uid, Path path) throws Exception {
    Process asking =
        new ProcessBuilder(
                "setpriv",
                "--reuid=" + uid,
                "--clear-groups",
                "perl",
                "-MIO::Socket::UNIX",
                "-e",
                "my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die \"no way in\";"
                    + " print $s \"hello\\n\"; print scalar(<$s>) // \"closed\";",
                path.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(asking.getInputStream().readAllBytes(), US_ASCII);
    assertThat(asking.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return said;
  }
}
