package dev.serai.torture;

import static org.awaitility.Awaitility.await;

import dev.serai.testing.faults.FaultProxy;
import dev.serai.testing.faults.FullDisk;
import dev.serai.testing.faults.ProcessClock;
import dev.serai.torture.Hop.Host;
import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;

/** How each kind of fault is done to a site, and undone. */
final class Strikes {
  private static final Duration SEEN = Duration.ofSeconds(60);
  private static final int IDLE = 10_000;
  private static final int DESCRIPTORS_KEPT = 1_500;

  private final Site site;
  private final Load load;

  /** Undoes it. What is found wrong meanwhile comes as an AssertionError. */
  interface Struck {
    void heal() throws Exception;
  }

  /** What was done, and how it is undone. */
  record Done(String what, Struck struck) {}

  Strikes(Site site, Load load) {
    this.site = site;
    this.load = load;
  }

  /** Why it cannot be done here; empty when it can. */
  Optional<String> impossible(Kind kind) {
    return switch (kind) {
      case DISK_FULL -> site.disk().isPresent() ? Optional.empty() : Optional.of("needs root");
      case LINK_SLOW -> site.hasNetworks() ? Optional.empty() : Optional.of("needs root");
      case CLOCK_BACK, CLOCK_FORWARD, ROTATION ->
          site.clock().isPresent() ? Optional.empty() : Optional.of("needs libfaketime");
      default -> Optional.empty();
    };
  }

  Done strike(Kind kind, Random dice, Duration authorityLife) throws Exception {
    return switch (kind) {
      case KILL_SERVERS -> kill(Host.SERVERS);
      case KILL_VERIFIER -> kill(Host.VERIFIER);
      case KILL_AGENT -> kill(Host.AGENT);
      case STATE_LOST -> loseState();
      case TPM_KILLED -> {
        site.swtpm().kill();
        yield new Done("", site::restartTpm);
      }
      case TPM_STOPPED -> {
        site.swtpm().stop();
        yield new Done("", site.swtpm()::cont);
      }
      case TPM_RESET -> resetTpm();
      case PCR_CHANGED -> changePcr();
      case DATABASE_LOCKED -> lock(dice.nextBoolean() ? Host.SERVERS : Host.VERIFIER);
      case DISK_FULL -> {
        FullDisk disk = site.disk().orElseThrow();
        disk.fill();
        yield new Done("", disk::free);
      }
      case CLOCK_FORWARD -> jump(dice.nextBoolean() ? Duration.ofHours(1) : Duration.ofDays(1));
      case CLOCK_BACK -> jump(dice.nextBoolean() ? Duration.ofHours(-1) : Duration.ofDays(-1));
      case PARTITION -> {
        Host host = one(dice, Host.values());
        site.unplug(host, true);
        yield new Done(host.shortName(), () -> site.unplug(host, false));
      }
      case LINK_SLOW -> {
        Host host = one(dice, Host.values());
        site.throttle(host, true);
        yield new Done(host.shortName(), () -> site.throttle(host, false));
      }
      case PEER_SLOW -> hop(one(dice, Hop.values()), FaultProxy.Fault.ONE_BYTE_A_SECOND);
      case PEER_CUT -> hop(one(dice, Hop.values()), FaultProxy.Fault.CUT);
      case PEER_HALF_CLOSED -> hop(one(dice, Hop.values()), FaultProxy.Fault.HALF_CLOSE);
      case PEER_GARBAGE -> hop(one(dice, Hop.values()), FaultProxy.Fault.GARBAGE);
      case PEER_429 -> hop(one(dice, Hop.values()), FaultProxy.Fault.TOO_MANY_REQUESTS);
      case PEER_LATE -> allHops(FaultProxy.Fault.LATENCY);
      case FLOOD -> flood();
      case IDLE_WORKLOADS -> idle();
      case ROTATION -> rotate(authorityLife);
    };
  }

  private static <T> T one(Random dice, T[] all) {
    return all[dice.nextInt(all.length)];
  }

  private Done kill(Host host) throws Exception {
    site.kill(host);
    return new Done("", () -> site.run(host));
  }

  private Done loseState() throws Exception {
    site.kill(Host.AGENT);
    Path agent = site.process(Host.AGENT).stateDir().resolve("agent");
    try (var files = Files.list(agent)) {
      for (Path file : files.toList()) {
        if (file.getFileName().toString().startsWith("enrol")) {
          Files.delete(file);
        }
      }
    }
    FaultProxy registrar = site.hop(Hop.AGENT_TO_REGISTRAR);
    int before = registrar.struck();
    registrar.inject(FaultProxy.Fault.TOO_MANY_REQUESTS);
    site.run(Host.AGENT);
    return new Done(
        "",
        () -> {
          await("the agent is told 429").atMost(SEEN).until(() -> registrar.struck() > before);
          registrar.heal();
        });
  }

  private Done resetTpm() {
    AtomicBoolean done = new AtomicBoolean();
    site.tpm()
        .inject(
            0,
            (code, answer) -> {
              if (done.getAndSet(true)) {
                return answer.get();
              }
              site.swtpm().reset();
              return Bytes.EMPTY; // the connection breaks without an answer
            });
    return new Done(
        "",
        () -> {
          await("a command was cut off").atMost(SEEN).until(done::get);
          site.tpm().heal();
        });
  }

  private Done changePcr() {
    site.swtpm()
        .transmit(
            Bytes.ofHex(
                "800200000041"
                    + "00000182"
                    + "00000007" // PCR 7
                    + "00000009"
                    + "40000009"
                    + "0000"
                    + "00"
                    + "0000"
                    + "00000001"
                    + "000b"
                    + "5e".repeat(32)));
    await("the verifier rejects the node")
        .atMost(SEEN)
        .ignoreExceptions()
        .until(() -> site.nodes().get(0).getState().equals("UNTRUSTED"));
    load.forbid(true);
    return new Done(
        "",
        () -> {
          load.forbid(false);
          site.restartTpm();
        });
  }

  private Done lock(Host host) throws Exception {
    Connection other =
        DriverManager.getConnection(
            "jdbc:sqlite:" + site.database(host) + "?busy_timeout=" + SEEN.toMillis());
    try (Statement statement = other.createStatement()) {
      statement.execute("BEGIN IMMEDIATE");
    } catch (java.sql.SQLException e) {
      other.close();
      throw e;
    }
    return new Done(host.shortName(), other::close);
  }

  private Done jump(Duration by) throws IOException {
    ProcessClock clock = site.clock().orElseThrow();
    Duration before = clock.offset();
    clock.set(before.plus(by));
    return new Done(
        (by.isNegative() ? "-" : "+") + by.abs().toHours() + "h", () -> clock.set(before));
  }

  /**
   * Time moves on to where the next authority is prepared, then to where it signs, and it stays so.
   * No longer than that: what the former one signed has its last sixth to be renewed.
   */
  private Done rotate(Duration authorityLife) throws IOException {
    int before = load.answers().authorities();
    String bundle = site.issuerFact("bundle");
    moveTo(authorityLife.dividedBy(2));
    await("the next authority is in the bundle")
        .atMost(SEEN)
        .ignoreExceptions()
        .until(() -> !site.issuerFact("bundle").equals(bundle));
    moveTo(authorityLife.dividedBy(6));
    return new Done(
        "",
        () ->
            await("SVIDs of another authority in the open streams")
                .atMost(SEEN)
                .until(() -> load.answers().authorities() > before));
  }

  /** To where the active authority has this left, unless that is over. */
  private void moveTo(Duration left) throws IOException {
    ProcessClock clock = site.clock().orElseThrow();
    Duration by =
        Duration.between(
            clock.now(), Instant.parse(site.issuerFact("authority-until")).minus(left));
    if (!by.isNegative()) {
      clock.set(clock.offset().plus(by).plusSeconds(1));
    }
  }

  private Done hop(Hop hop, FaultProxy.Fault fault) {
    FaultProxy proxy = site.hop(hop);
    proxy.inject(fault);
    return new Done(hop.name(), proxy::heal);
  }

  private Done allHops(FaultProxy.Fault fault) {
    for (Hop hop : Hop.values()) {
      site.hop(hop).inject(fault);
    }
    return new Done(
        "",
        () -> {
          for (Hop hop : Hop.values()) {
            site.hop(hop).heal();
          }
        });
  }

  private Done flood() throws Exception {
    List<SocketChannel> open = new ArrayList<>();
    AtomicBoolean failed = new AtomicBoolean();
    Thread flooder =
        new Thread(
            () -> {
              try {
                if (site.hub().isPresent()) {
                  site.hub().get().enter();
                }
                knock(open, site.listener(Host.SERVERS, "serai.issuer.port"), 1200);
                knock(open, site.listener(Host.SERVERS, "serai.registrar.port"), 300);
                knock(open, site.listener(Host.SERVERS, "serai.registrar.tls-port"), 300);
                knock(open, site.listener(Host.VERIFIER, "serai.verifier.port"), 300);
                knock(open, site.listener(Host.AGENT, "serai.agent.port"), 200);
              } catch (IOException e) {
                failed.set(true);
              }
            },
            "flood");
    flooder.setDaemon(true);
    flooder.start();
    flooder.join();
    if (failed.get()) {
      throw new IOException("the flood could not begin");
    }
    int tcp = open.size();
    int unix = fill(open, 500);
    return new Done(
        tcp + " TCP, " + unix + " unix",
        () -> {
          for (SocketChannel channel : open) {
            channel.close();
          }
        });
  }

  /** Connects without a word, from an address that no proxy has. */
  private void knock(List<SocketChannel> open, InetSocketAddress listener, int times)
      throws IOException {
    for (int i = 0; i < times; i++) {
      SocketChannel channel = SocketChannel.open();
      channel.bind(new InetSocketAddress(site.address(2), 0));
      channel.configureBlocking(false);
      try {
        channel.connect(listener);
        open.add(channel);
      } catch (IOException e) { // refused: as well
        channel.close();
      }
    }
  }

  private int fill(List<SocketChannel> open, int most) throws IOException {
    UnixDomainSocketAddress socket =
        UnixDomainSocketAddress.of(site.process(Host.AGENT).workloadSocket());
    int made = 0;
    for (int i = 0; i < most; i++) {
      SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
      try {
        channel.connect(socket);
        open.add(channel);
        made++;
      } catch (IOException e) { // the agent does not run at this moment
        channel.close();
        return made;
      }
    }
    return made;
  }

  private Done idle() throws IOException {
    List<SocketChannel> open = new ArrayList<>();
    var system =
        (com.sun.management.UnixOperatingSystemMXBean)
            java.lang.management.ManagementFactory.getOperatingSystemMXBean();
    long room = system.getMaxFileDescriptorCount() - DESCRIPTORS_KEPT;
    int made = fill(open, (int) Math.min(IDLE, room));
    long fetched = load.fetches();
    return new Done(
        made + " connections",
        () -> {
          try {
            await("workloads are answered beside them")
                .atMost(SEEN)
                .until(() -> load.fetches() > fetched + 2);
          } finally {
            for (SocketChannel channel : open) {
              channel.close();
            }
          }
        });
  }
}
