package dev.serai.cli;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import dev.serai.fuzz.Fuzzed;
import dev.serai.fuzz.RpcErrors;
import dev.serai.reason.Reason;
import dev.serai.tpm.Bytes;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;

/** What the command line reads from a server. */
public final class CommandLineFuzz {
  private CommandLineFuzz() {}

  public static void certificates(byte[] in) throws CertificateException {
    for (X509Certificate found : Pem.concatenated(in)) {
      Fuzzed.check(found.getEncoded().length > 0, "it has an encoding");
    }
  }

  public static void errorDetails(byte[] in) {
    Reason reason = CommandFailure.of(RpcErrors.of(in));
    Fuzzed.check(CommandFailure.line(reason).lines().count() == 1, "a failure is one line");
  }

  public static void detail(byte[] in) {
    String text = Bytes.copyOf(in).toText();
    Fuzzed.check(!Output.json(Output.parsed(text)).isEmpty(), "a detail can be shown");
  }

  public static Bytes seed() {
    return RpcErrors.input(
        Status.newBuilder()
            .setCode(7)
            .setMessage("NODE_BANNED: this node is banned")
            .addDetails(
                Any.pack(
                    ErrorInfo.newBuilder().setReason("NODE_BANNED").setDomain("serai.dev").build()))
            .build());
  }
}
