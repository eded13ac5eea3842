package dev.serai.cli;

import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.proto.spire.types.JoinToken;
import io.grpc.ManagedChannel;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** serai token ... */
final class TokenCommands {
  private TokenCommands() {}

  static Map<String, Callable<Integer>> all(Sockets sockets) {
    Map<String, Callable<Integer>> verbs = new LinkedHashMap<>();
    verbs.put("create", new Create(sockets));
    return verbs;
  }

  @Command(description = "A join token: one attestation, once.", mixinStandardHelpOptions = true)
  private static final class Create implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private Connection connection;

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    @Option(names = "--ttl", paramLabel = "SECONDS", defaultValue = "600")
    private int ttl;

    private final Sockets sockets;

    Create(Sockets sockets) {
      this.sockets = sockets;
    }

    @Override
    public Integer call() {
      ManagedChannel channel = connection.admin(sockets);
      try {
        JoinToken token =
            AgentGrpc.newBlockingStub(channel)
                .withDeadlineAfter(Connection.DEADLINE_SECONDS, TimeUnit.SECONDS)
                .createJoinToken(CreateJoinTokenRequest.newBuilder().setTtl(ttl).build());
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("token", token.getValue());
        view.put("expiresAt", Output.time(token.getExpiresAt() * 1000));
        Output.out(spec).print(json ? Output.json(view) + "\n" : Output.facts(view));
        Output.out(spec).flush();
        return 0;
      } finally {
        Connection.close(channel);
      }
    }
  }
}
