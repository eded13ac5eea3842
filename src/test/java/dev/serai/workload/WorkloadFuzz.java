package dev.serai.workload;

import dev.serai.fuzz.Fuzzed;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** What the kernel and the account files say of a workload. */
public final class WorkloadFuzz {
  private WorkloadFuzz() {}

  public static void status(byte[] in) throws IOException {
    WorkloadAttestor.Accounts read =
        WorkloadAttestor.accounts(new String(in, StandardCharsets.ISO_8859_1));
    Fuzzed.check(read.supplementary().size() <= in.length, "no group that is not there");
  }

  public static void accountNames(byte[] in) {
    AccountNames.parse(new String(in, StandardCharsets.ISO_8859_1))
        .forEach((id, name) -> Fuzzed.check(id >= 0 && !name.isEmpty(), "an account has a name"));
  }
}
