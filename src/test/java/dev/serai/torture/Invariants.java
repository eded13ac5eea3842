package dev.serai.torture;

import com.google.protobuf.ByteString;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.entry.v1.ListEntriesRequest;
import dev.serai.proto.spire.types.Entry;
import dev.serai.torture.Hop.Host;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What holds after every round, whatever happened in it. Each names the rule it stands for. */
final class Invariants {
  private static final Set<PosixFilePermission> OTHERS =
      EnumSet.of(
          PosixFilePermission.GROUP_READ,
          PosixFilePermission.GROUP_WRITE,
          PosixFilePermission.OTHERS_READ,
          PosixFilePermission.OTHERS_WRITE);

  private final Site site;
  private final Load load;
  private final NodeView first;
  private final Replayer replayer;

  Invariants(Site site, Load load, NodeView first, Replayer replayer) {
    this.site = site;
    this.load = load;
    this.first = first;
    this.replayer = replayer;
  }

  /** Everything that is wrong. */
  List<String> broken() throws Exception {
    List<String> wrong = new ArrayList<>(load.takeViolations());
    oneNodeUnchanged(wrong);
    noRowLost(wrong);
    oneTimeSecretsStayUsed(wrong);
    databasesAreWhole(wrong);
    filesArePrivate(wrong);
    processesRun(wrong);
    return wrong;
  }

  /** Rule 6. */
  private void oneNodeUnchanged(List<String> wrong) {
    List<NodeView> nodes = site.nodes();
    if (nodes.size() != 1) {
      wrong.add("rule 6: " + nodes.size() + " node records");
      return;
    }
    NodeView now = nodes.get(0);
    if (!now.getNodeId().equals(first.getNodeId())
        || !now.getEkName().equals(first.getEkName())
        || !now.getAkName().equals(first.getAkName())) {
      wrong.add("rule 6: the node was %s and is %s".formatted(first, now));
    }
  }

  /** Rule 12: what was acknowledged is there; what was deleted is not. */
  private void noRowLost(List<String> wrong) {
    Set<String> before = load.present();
    Set<String> there =
        EntryGrpc.newBlockingStub(site.admin())
            .withDeadlineAfter(10, TimeUnit.SECONDS)
            .listEntries(ListEntriesRequest.getDefaultInstance())
            .getEntriesList()
            .stream()
            .map(Entry::getId)
            .collect(Collectors.toSet());
    Set<String> after = load.present();
    Set<String> uncertain = load.uncertain();
    for (String id : before) {
      if (!there.contains(id) && after.contains(id) && !uncertain.contains(id)) {
        wrong.add("rule 12: the entry " + id + " was acknowledged and is lost");
      }
    }
    for (String id : there) {
      boolean ours = id.equals("app") || id.startsWith("load-");
      if (ours && !before.contains(id) && !after.contains(id) && !uncertain.contains(id)) {
        wrong.add("rule 12: the entry " + id + " was deleted and is there again");
      }
    }
  }

  /** Rule 2: the verifier's join token was good once, and so is an answer to a challenge. */
  private void oneTimeSecretsStayUsed(List<String> wrong) throws Exception {
    String token = replayer.say("join_token", site.usedToken()).end();
    if (!token.contains("JOIN_TOKEN_UNKNOWN")) {
      wrong.add("rule 2: a used join token was answered with " + token);
    }
    Replayer.Attempt first = replayer.comeBack();
    ByteString answer = first.proof();
    String proven = first.answer(answer).end();
    if (!proven.equals(Replayer.IDENTITY)) {
      wrong.add("the key of a role process that was away was answered with " + proven);
    }
    String again = replayer.comeBack().answer(answer).end();
    if (!again.contains("NONCE_USED")) {
      wrong.add("rule 2: a used answer to a challenge was answered with " + again);
    }
  }

  /** Rule 12. */
  private void databasesAreWhole(List<String> wrong) throws Exception {
    for (Host host : List.of(Host.SERVERS, Host.VERIFIER)) {
      try (Connection connection =
              DriverManager.getConnection(
                  "jdbc:sqlite:" + site.database(host) + "?busy_timeout=20000");
          Statement statement = connection.createStatement()) {
        try (ResultSet answer = statement.executeQuery("PRAGMA integrity_check")) {
          if (!answer.next() || !answer.getString(1).equals("ok")) {
            wrong.add("rule 12: the database of " + host + " is damaged");
          }
        }
      }
    }
  }

  /** Rule 8: keys, databases and kept identities are their owner's; authorities are for all. */
  private void filesArePrivate(List<String> wrong) throws IOException {
    for (Host host : Host.values()) {
      try (Stream<Path> files = Files.walk(site.process(host).stateDir())) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          if (file.getFileName().toString().equals("bundle.pem")) {
            continue;
          }
          try {
            Set<PosixFilePermission> mode = Files.getPosixFilePermissions(file);
            if (mode.stream().anyMatch(OTHERS::contains)) {
              wrong.add("rule 8: %s has mode %s".formatted(file, mode));
            }
          } catch (java.nio.file.NoSuchFileException e) {
            continue; // a journal that came and went
          }
        }
      } catch (java.io.UncheckedIOException e) {
        if (!(e.getCause() instanceof java.nio.file.NoSuchFileException)) {
          throw e;
        }
      }
    }
  }

  /** No process ends but by our hand. */
  private void processesRun(List<String> wrong) {
    site.running()
        .forEach(
            (host, pid) -> {
              if (!site.process(host).isAlive()) {
                wrong.add(host + " ended by itself");
              }
            });
  }
}
