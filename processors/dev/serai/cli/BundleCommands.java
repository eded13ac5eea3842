package dev.serai.cli;

import dev.serai.proto.spire.bundle.v1.BundleGrpc;
import dev.serai.proto.spire.bundle.v1.GetBundleRequest;
import dev.serai.proto.spire.types.Bundle;
import dev.serai.proto.spire.types.X509Certificate;
import io.grpc.ManagedChannel;
import java.security.GeneralSecurityException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** serai bundle ... */
final class BundleCommands {
  private BundleCommands() {}

  static Map<String, Callable<Integer>> all(Sockets sockets) {
    Map<String, Callable<Integer>> verbs = new LinkedHashMap<>();
    verbs.put("show", new Show(sockets));
    return verbs;
  }

  /** How a bundle is written. */
  enum Format {
    pem,
    spiffe
  }

  @Command(description = "The authorities of the trust domain.", mixinStandardHelpOptions = true)
  private static final class Show implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private Connection connection;

    @Option(
        names = "--format",
        defaultValue = "pem",
        description = "pem: X.509 authorities; spiffe: the SPIFFE bundle document (JSON)")
    private Format format;

    private final Sockets sockets;

    Show(Sockets sockets) {
      this.sockets = sockets;
    }

    @Override
    public Integer call() throws GeneralSecurityException {
      ManagedChannel channel = connection.admin(sockets);
      try {
        Bundle bundle =
            BundleGrpc.newBlockingStub(channel)
                .withDeadlineAfter(Connection.DEADLINE_SECONDS, TimeUnit.SECONDS)
                .getBundle(GetBundleRequest.getDefaultInstance());
        Output.out(spec)
            .print(
                format == Format.pem ? pem(bundle) : Output.json(BundleDocument.of(bundle)) + "\n");
        Output.out(spec).flush();
        return 0;
      } finally {
        Connection.close(channel);
      }
    }
  }

  private static String pem(Bundle bundle) {
    StringBuilder text = new StringBuilder();
    for (X509Certificate authority : bundle.getX509AuthoritiesList()) {
      text.append(Pem.certificate(authority.getAsn1().toByteArray()));
    }
    return text.toString();
  }
}
