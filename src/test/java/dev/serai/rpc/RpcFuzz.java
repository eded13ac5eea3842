package dev.serai.rpc;

import dev.serai.fuzz.Fuzzed;
import java.nio.charset.StandardCharsets;
import java.util.OptionalLong;

/** What the kernel says of a caller; the name in it is the caller's own choice. */
public final class RpcFuzz {
  private RpcFuzz() {}

  public static void stat(byte[] in) {
    String text = new String(in, StandardCharsets.ISO_8859_1);
    OptionalLong alone = ProcessStart.parse(text);
    OptionalLong behindAnyName = ProcessStart.parse("1 (" + text + ") S" + " 7".repeat(19));
    if (text.indexOf(')') < 0) {
      Fuzzed.same(OptionalLong.of(7), behindAnyName, "no name changes the start time");
      Fuzzed.same(OptionalLong.empty(), alone, "without a name there is no start time");
    }
  }
}
