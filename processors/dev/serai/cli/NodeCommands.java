package dev.serai.cli;

import dev.serai.proto.serai.v1.ListNodesRequest;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.serai.v1.NodesGrpc.NodesBlockingStub;
import dev.serai.proto.serai.v1.ShowNodeRequest;
import io.grpc.ManagedChannel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** serai node ... */
final class NodeCommands {
  private NodeCommands() {}

  static Map<String, Object> all(Sockets sockets) {
    Map<String, Object> verbs = new LinkedHashMap<>();
    verbs.put("list", new ListNodes(sockets));
    verbs.put("show", one(sockets, "One node.", NodesBlockingStub::show));
    verbs.put("ban", one(sockets, "Bans the node by its TPM.", NodesBlockingStub::ban));
    verbs.put("unban", one(sockets, "Takes a ban back.", NodesBlockingStub::unban));
    verbs.put(
        "evict",
        one(sockets, "Forgets the node's identity; it attests again.", NodesBlockingStub::evict));
    return verbs;
  }

  private static CommandLine one(
      Sockets sockets,
      String description,
      BiFunction<NodesBlockingStub, ShowNodeRequest, NodeView> question) {
    CommandLine line = new CommandLine(new OneNode(sockets, question));
    line.getCommandSpec().usageMessage().description(description);
    return line;
  }

  private static <T> T ask(
      Connection connection,
      Sockets sockets,
      java.util.function.Function<NodesBlockingStub, T> question) {
    ManagedChannel channel = connection.admin(sockets);
    try {
      return question.apply(
          NodesGrpc.newBlockingStub(channel)
              .withDeadlineAfter(Connection.DEADLINE_SECONDS, TimeUnit.SECONDS));
    } finally {
      Connection.close(channel);
    }
  }

  static Map<String, Object> view(NodeView node) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("id", node.getNodeId());
    view.put("spiffeId", node.getSpiffeId());
    view.put("state", node.getState());
    view.put(
        "reasons",
        node.getReasonsList().stream().map(r -> r.getCode() + ": " + r.getDetail()).toList());
    view.put("attestationType", node.getAttestationType());
    view.put("lastVerdictAt", Output.time(node.getLastVerdictAt()));
    view.put("svidExpiresAt", Output.time(node.getSvidExpiresAt()));
    view.put("breaker", node.getBreaker());
    view.put("breakerSince", Output.time(node.getBreakerSince()));
    view.put("breakerFailures", node.getBreakerFailures());
    view.put("breakerNextTry", Output.time(node.getBreakerNextTry()));
    view.put("breakerTrouble", node.getBreakerTrouble());
    view.put("region", node.getLocationRegion());
    view.put("assurance", node.getLocationAssurance());
    view.put("locatedAt", Output.time(node.getLocatedAt()));
    view.put("locationValidUntil", Output.time(node.getLocationValidUntil()));
    view.put("ekName", node.getEkName());
    view.put("akName", node.getAkName());
    view.put("pcrs", new TreeMap<>(node.getPcrsMap()));
    return view;
  }

  @Command(description = "All nodes.", mixinStandardHelpOptions = true)
  private static final class ListNodes implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private Connection connection;

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    private final Sockets sockets;

    ListNodes(Sockets sockets) {
      this.sockets = sockets;
    }

    @Override
    public Integer call() {
      List<NodeView> nodes =
          ask(connection, sockets, stub -> stub.list(ListNodesRequest.getDefaultInstance()))
              .getNodesList();
      if (json) {
        Output.out(spec).println(Output.json(nodes.stream().map(NodeCommands::view).toList()));
        return 0;
      }
      List<List<String>> rows = new ArrayList<>();
      for (NodeView node : nodes) {
        rows.add(
            List.of(
                node.getNodeId().isEmpty() ? node.getSpiffeId() : node.getNodeId(),
                node.getState(),
                node.getAttestationType(),
                Output.time(node.getLastVerdictAt()),
                node.getReasonsList().stream()
                    .map(r -> r.getCode())
                    .reduce("", NodeCommands::comma)));
      }
      Output.out(spec)
          .print(
              Output.table(
                  List.of("NODE", "STATE", "ATTESTED BY", "LAST VERDICT", "REASONS"), rows));
      Output.out(spec).flush();
      return 0;
    }
  }

  private static String comma(String left, String right) {
    return left.isEmpty() ? right : left + "," + right;
  }

  @Command(mixinStandardHelpOptions = true)
  private static final class OneNode implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private Connection connection;

    @Parameters(paramLabel = "NODE", description = "node id or SPIFFE id of its agent")
    private String node;

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    private final Sockets sockets;
    private final BiFunction<NodesBlockingStub, ShowNodeRequest, NodeView> question;

    OneNode(Sockets sockets, BiFunction<NodesBlockingStub, ShowNodeRequest, NodeView> question) {
      this.sockets = sockets;
      this.question = question;
    }

    @Override
    public Integer call() {
      ShowNodeRequest request = ShowNodeRequest.newBuilder().setId(node).build();
      Map<String, Object> view =
          view(ask(connection, sockets, stub -> question.apply(stub, request)));
      Output.out(spec).print(json ? Output.json(view) + "\n" : Output.facts(view));
      Output.out(spec).flush();
      return 0;
    }
  }
}
