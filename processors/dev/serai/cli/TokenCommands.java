package dev.serai.cli;

import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.proto.spire.types.JoinToken;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.SpiffeId;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
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

    @Option(
        names = "--spiffe-id",
        paramLabel = "ID",
        description = "what whoever attests with it may be, for instance .../serai/verifier")
    private String spiffeId;

    @Option(
        names = "--write",
        paramLabel = "FILE",
        description = "writes the token, and nothing else, to a new file that only you can read")
    private Path file;

    private final Sockets sockets;

    Create(Sockets sockets) {
      this.sockets = sockets;
    }

    @Override
    public Integer call() throws IOException {
      CreateJoinTokenRequest.Builder request = CreateJoinTokenRequest.newBuilder().setTtl(ttl);
      if (spiffeId != null) {
        SpiffeId id = SpiffeId.parse(spiffeId);
        request.setAgentId(
            SPIFFEID.newBuilder().setTrustDomain(id.trustDomain().name()).setPath(id.path()));
      }
      ManagedChannel channel = connection.admin(sockets);
      try {
        JoinToken token =
            AgentGrpc.newBlockingStub(channel)
                .withDeadlineAfter(Connection.DEADLINE_SECONDS, TimeUnit.SECONDS)
                .createJoinToken(request.build());
        Map<String, Object> view = new LinkedHashMap<>();
        if (file == null) {
          view.put("token", token.getValue());
        } else {
          write(token.getValue());
          view.put("file", file.toString());
        }
        view.put("expiresAt", Output.time(token.getExpiresAt() * 1000));
        Output.out(spec).print(json ? Output.json(view) + "\n" : Output.facts(view));
        Output.out(spec).flush();
        return 0;
      } finally {
        Connection.close(channel);
      }
    }

    private void write(String token) throws IOException {
      try (SeekableByteChannel out =
          Files.newByteChannel(
              file,
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
        out.write(ByteBuffer.wrap((token + "\n").getBytes(StandardCharsets.US_ASCII)));
      } catch (FileAlreadyExistsException e) {
        throw new RefusalException(ReasonCode.MALFORMED_REQUEST, file + " is there already", e);
      }
    }
  }
}
