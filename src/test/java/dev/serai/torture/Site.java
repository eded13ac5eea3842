package dev.serai.torture;

import static org.awaitility.Awaitility.await;

import dev.serai.proto.serai.v1.ListNodesRequest;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.testing.SeraiChild;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import dev.serai.testing.TpmProxy;
import dev.serai.testing.faults.FaultProxy;
import dev.serai.testing.faults.FaultProxy.End;
import dev.serai.testing.faults.FullDisk;
import dev.serai.testing.faults.Janitor;
import dev.serai.testing.faults.NetworkNamespace;
import dev.serai.testing.faults.ProcessClock;
import dev.serai.torture.Hop.Host;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Issuer with registrar, a verifier and an agent as processes that talk through proxies:
 *
 * <pre>
 * servers x.11 --+
 * verifier x.12 -+-- hub x.1 (a proxy for each hop), x.2 (where floods come from)
 * agent x.13 ----+
 * </pre>
 *
 * <p>As root each process has a network namespace joined to the hub's bridge, so a cable can be
 * pulled; else all are on loopback addresses of this machine and only the proxies part them.
 */
final class Site implements AutoCloseable {
  static final String DOMAIN = "child.test";
  private static final Duration START = Duration.ofSeconds(120);

  /** How a run is set up. */
  record Pace(
      Duration authorityLife,
      Duration svidLife,
      Duration verifierInterval,
      Duration longestRetry,
      Duration breakerOpen) {}

  private final Path dir;
  private final Deque<AutoCloseable> closing = new ArrayDeque<>();
  private final Map<Host, SeraiChild> processes = new EnumMap<>(Host.class);
  private final Map<Host, NetworkNamespace> networks = new EnumMap<>(Host.class);
  private final Map<Hop, FaultProxy> hops = new EnumMap<>(Hop.class);
  private final Map<Host, Long> running = new EnumMap<>(Host.class);
  private final Optional<NetworkNamespace> hub;
  private final Optional<ProcessClock> clock;
  private Optional<FullDisk> disk = Optional.empty();
  private final Janitor janitor;
  private final SwTpm swtpm;
  private final TpmProxy tpm;
  private final ManagedChannel admin;
  private final ManagedChannel workload;
  private final int outsidePort;
  private final String token;

  static Site start(Path dir, Pace pace, long seed) throws Exception {
    Site site = new Site(dir, pace, seed);
    try {
      site.firstStart();
      return site;
    } catch (Exception | AssertionError e) {
      List<Path> logs = site.saveLogs(Path.of("target", "torture", "start"));
      site.close();
      throw new AssertionError("the site did not start; logs in " + logs, e);
    }
  }

  private Site(Path dir, Pace pace, long seed) throws Exception {
    this.dir = dir;
    janitor = new Janitor();
    closing.push(janitor);
    try {
      hub = NetworkNamespace.possible() ? Optional.of(NetworkNamespace.create()) : Optional.empty();
      if (hub.isPresent()) {
        joinNetworks();
      }
      clock = ProcessClock.in(dir.resolve("clock"));
      swtpm = SwTpm.fresh();
      closing.push(swtpm);
      janitor.started(swtpm.pid());
      tpm = new TpmProxy(swtpm);
      closing.push(tpm);
      for (Host host : Host.values()) {
        processes.put(host, child(host, pace));
      }
      mountSmallDisk();
      outsidePort = SeraiHarness.freePort();
      wire(seed);
      admin = SeraiChild.channel(processes.get(Host.SERVERS).adminSocket());
      workload = SeraiChild.channel(processes.get(Host.AGENT).workloadSocket());
      closing.push(admin::shutdownNow);
      closing.push(workload::shutdownNow);
      token = java.util.UUID.nameUUIDFromBytes(new byte[] {(byte) seed}).toString();
    } catch (Exception e) {
      close();
      throw e;
    }
  }

  private void joinNetworks() throws IOException {
    NetworkNamespace bridge = hub.orElseThrow();
    closing.push(bridge);
    bridge.run("ip", "link", "add", "br0", "type", "bridge");
    bridge.run("ip", "addr", "add", address(1) + "/24", "dev", "br0");
    bridge.run("ip", "addr", "add", address(2) + "/24", "dev", "br0");
    bridge.run("ip", "link", "set", "br0", "up");
    for (Host host : Host.values()) {
      NetworkNamespace network = NetworkNamespace.create();
      closing.push(network);
      networks.put(host, network);
      bridge.run(
          "ip",
          "link",
          "add",
          cable(host),
          "type",
          "veth",
          "peer",
          "name",
          "eth0",
          "netns",
          network.name());
      bridge.run("ip", "link", "set", cable(host), "master", "br0", "up");
      network.run("ip", "addr", "add", address(host.address()) + "/24", "dev", "eth0");
      network.run("ip", "link", "set", "eth0", "up");
    }
  }

  private static String cable(Host host) {
    return "to" + host.address();
  }

  String address(int last) {
    return (hub.isPresent() ? "10.77.0." : "127.77.0.") + last;
  }

  private SeraiChild child(Host host, Pace pace) throws IOException {
    Path home = Files.createDirectory(dir.resolve(host.shortName()));
    SeraiChild child =
        new SeraiChild(home)
            .heap(host == Host.AGENT ? 320 : 160)
            .with("serai.roles", host.roles())
            .with("serai.run-dir", Files.createDirectory(home.resolve("run")).toString());
    closing.push(child);
    String own = address(host.address());
    for (String role : host.roles().split(",")) {
      child.with("serai." + role + ".host", own);
    }
    if (networks.containsKey(host)) {
      child.through(networks.get(host).prefix());
    }
    clock.ifPresent(faked -> child.environment(faked.environment()));
    Path bundle = dir.resolve("servers/state/bundle.pem");
    switch (host) {
      case SERVERS ->
          child
              .withTpm(swtpm)
              .with("serai.issuer.ca-ttl", pace.authorityLife().toSeconds() + "s")
              .with("serai.issuer.agent-ttl", pace.authorityLife().toSeconds() + "s")
              .with("serai.issuer.svid-ttl", pace.svidLife().toSeconds() + "s")
              .with("serai.issuer.rotation-check", "1s")
              // All come from the address of the hub here.
              .with("serai.issuer.limit.attest", "50")
              .with("serai.issuer.limit.attest-burst", "50");
      case VERIFIER ->
          child
              .with("serai.verifier.policy", "builtin:demo")
              .with("serai.verifier.tick", "200ms")
              .with("serai.verifier.interval", pace.verifierInterval().toMillis() + "ms")
              .with("serai.verifier.breaker-open", pace.breakerOpen().toMillis() + "ms")
              .with("serai.verifier.longest-back-off", pace.longestRetry().toMillis() + "ms")
              .with("serai.agent.trust-bundle", bundle.toString())
              .with("serai.role.join-token-file", dir.resolve("verifier.token").toString());
      case AGENT ->
          child
              .with("serai.tpm.tcti", tpm.tcti())
              .with("serai.tpm.allow-software", "true")
              .with("serai.agent.contact-host", address(1))
              .with("serai.agent.trust-bundle", bundle.toString())
              .with("serai.agent.retry-most", pace.longestRetry().toMillis() + "ms")
              // Everything here is one user: room for ten thousand silent connections.
              .with("serai.workload.max-connections", "12000")
              .with("serai.workload.max-connections-per-user", "11000");
    }
    return child;
  }

  private void mountSmallDisk() throws IOException {
    Path state = Files.createDirectory(dir.resolve("servers/state"));
    if (hub.isEmpty()) {
      return;
    }
    FullDisk small = FullDisk.mount(state, 24);
    closing.push(small);
    janitor.mounted(state);
    disk = Optional.of(small);
  }

  private void wire(long seed) throws IOException {
    SeraiChild servers = processes.get(Host.SERVERS);
    SeraiChild verifier = processes.get(Host.VERIFIER);
    SeraiChild agent = processes.get(Host.AGENT);
    hop(Hop.AGENT_TO_ISSUER, "serai.issuer.port", SeraiHarness.freePort(), seed);
    hop(Hop.VERIFIER_TO_ISSUER, "serai.issuer.port", SeraiHarness.freePort(), seed);
    hop(Hop.ISSUER_TO_VERIFIER, "serai.verifier.port", SeraiHarness.freePort(), seed);
    hop(Hop.VERIFIER_TO_REGISTRAR, "serai.registrar.tls-port", SeraiHarness.freePort(), seed);
    hop(Hop.AGENT_TO_REGISTRAR, "serai.registrar.port", SeraiHarness.freePort(), seed);
    // The agent tells the registrar its own port, so here the hub has the same one.
    hop(
        Hop.VERIFIER_TO_AGENT,
        "serai.agent.port",
        Integer.parseInt(agent.setting("serai.agent.port")),
        seed);
    servers.with("serai.issuer.verifier", at(Hop.ISSUER_TO_VERIFIER));
    verifier
        .with("serai.agent.issuer", at(Hop.VERIFIER_TO_ISSUER))
        .with("serai.verifier.issuer", at(Hop.VERIFIER_TO_ISSUER))
        .with("serai.verifier.registrar", "https://" + at(Hop.VERIFIER_TO_REGISTRAR));
    agent
        .with("serai.agent.issuer", at(Hop.AGENT_TO_ISSUER))
        .with("serai.agent.registrar", "http://" + at(Hop.AGENT_TO_REGISTRAR));
    // Management listens on the loopback of its namespace; here it is at the same port of ours.
    for (Host host : networks.keySet()) {
      int port = Integer.parseInt(processes.get(host).setting("serai.management.port"));
      InetSocketAddress loopback = new InetSocketAddress("127.0.0.1", port);
      closing.push(
          FaultProxy.between(
              new End(Optional.empty(), loopback), new End(network(host), loopback), seed));
    }
    closing.push(
        FaultProxy.between(
            new End(Optional.empty(), new InetSocketAddress("127.0.0.1", outsidePort)),
            new End(hub, listener(Host.SERVERS, "serai.issuer.port")),
            seed));
  }

  private final Map<Hop, Integer> hopPorts = new EnumMap<>(Hop.class);

  private void hop(Hop hop, String farKey, int nearPort, long seed) throws IOException {
    Host to =
        switch (hop) {
          case ISSUER_TO_VERIFIER -> Host.VERIFIER;
          case VERIFIER_TO_AGENT -> Host.AGENT;
          default -> Host.SERVERS;
        };
    FaultProxy proxy =
        FaultProxy.between(
            new End(hub, new InetSocketAddress(address(1), nearPort)),
            new End(hub, listener(to, farKey)),
            seed);
    closing.push(proxy);
    hops.put(hop, proxy);
    hopPorts.put(hop, nearPort);
  }

  private String at(Hop hop) {
    return address(1) + ":" + hopPorts.get(hop);
  }

  /** Where a role listens, as seen from the hub. */
  InetSocketAddress listener(Host host, String portKey) {
    return new InetSocketAddress(
        address(host.address()), Integer.parseInt(processes.get(host).setting(portKey)));
  }

  private void firstStart() throws Exception {
    run(Host.SERVERS);
    run(Host.AGENT);
    await("a join token")
        .atMost(START)
        .ignoreExceptions()
        .until(
            () -> {
              admin.resetConnectBackoff();
              Files.writeString(
                  dir.resolve("verifier.token"),
                  AgentGrpc.newBlockingStub(admin)
                      .withDeadlineAfter(5, TimeUnit.SECONDS)
                      .createJoinToken(
                          CreateJoinTokenRequest.newBuilder()
                              .setTtl(600)
                              .setToken(token)
                              .setAgentId(
                                  SPIFFEID
                                      .newBuilder()
                                      .setTrustDomain(DOMAIN)
                                      .setPath("/serai/verifier"))
                              .build())
                      .getValue());
              return true;
            });
    run(Host.VERIFIER);
    await("everything is ready").atMost(START).ignoreExceptions().until(this::isReady);
  }

  /** Starts a process that does not run, as a service manager would. */
  void run(Host host) throws IOException {
    SeraiChild child = processes.get(host).start();
    running.put(host, child.pid());
    janitor.started(child.pid());
  }

  /** SIGKILL. */
  void kill(Host host) throws Exception {
    long pid = running.remove(host);
    processes.get(host).kill();
    janitor.ended(pid);
    ProcessClock.sweep();
  }

  /** A power cycle of the TPM. */
  void restartTpm() throws IOException {
    janitor.ended(swtpm.pid());
    swtpm.restart();
    janitor.started(swtpm.pid());
  }

  /** Every process says so, and the verifier trusts the node. */
  boolean isReady() {
    for (SeraiChild child : processes.values()) {
      if (!child.isAlive()) {
        throw new AssertionError("a process ended by itself: " + child.log());
      }
      if (child.get("/health/ready") != 200) {
        return false;
      }
    }
    admin.resetConnectBackoff();
    List<NodeView> nodes = nodes();
    return nodes.size() == 1 && nodes.get(0).getState().equals("TRUSTED");
  }

  /** The nodes that came with a TPM. */
  List<NodeView> nodes() {
    return NodesGrpc.newBlockingStub(admin)
        .withDeadlineAfter(5, TimeUnit.SECONDS)
        .list(ListNodesRequest.getDefaultInstance())
        .getNodesList()
        .stream()
        .filter(node -> node.getAttestationType().equals("unified_identity"))
        .toList();
  }

  /** A fact of the issuer's health. */
  String issuerFact(String name) throws IOException {
    String health;
    try {
      health = processes.get(Host.SERVERS).text("/health/ready");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
    Matcher fact = Pattern.compile("\"" + name + "\":\"([^\"]+)\"").matcher(health);
    if (!fact.find()) {
      throw new IOException("no " + name + " in " + health);
    }
    return fact.group(1);
  }

  /** What stands in the way, for a message. */
  String trouble() {
    StringBuilder all = new StringBuilder();
    processes.forEach(
        (host, child) -> {
          String said;
          try {
            said = child.text("/health/ready");
          } catch (IOException | RuntimeException e) {
            said = "no answer: " + e.getMessage();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            said = "interrupted";
          }
          all.append(host).append(' ').append(said).append('\n');
        });
    try {
      all.append(nodes());
    } catch (RuntimeException e) {
      all.append("nodes: ").append(e.getMessage());
    }
    return all.toString();
  }

  /** Pulls the cable of a machine, or lets nothing through its proxies. */
  void unplug(Host host, boolean out) throws IOException {
    if (hub.isPresent()) {
      hub.get().run("ip", "link", "set", cable(host), out ? "down" : "up");
      return;
    }
    hops.forEach(
        (hop, proxy) -> {
          if (hop.touches(host)) {
            proxy.inject(out ? FaultProxy.Fault.BLACK_HOLE : FaultProxy.Fault.NONE);
          }
        });
  }

  /** Eight kilobits a second towards a machine, or as fast as it goes. */
  void throttle(Host host, boolean slow) throws IOException {
    if (slow) {
      hub.orElseThrow()
          .run(
              "tc",
              "qdisc",
              "replace",
              "dev",
              cable(host),
              "root",
              "tbf",
              "rate",
              "8kbit",
              "burst",
              "1540",
              "latency",
              "2s");
    } else {
      hub.orElseThrow().run("tc", "qdisc", "del", "dev", cable(host), "root");
    }
  }

  boolean hasNetworks() {
    return hub.isPresent();
  }

  Optional<NetworkNamespace> hub() {
    return hub;
  }

  private Optional<NetworkNamespace> network(Host host) {
    return Optional.ofNullable(networks.get(host));
  }

  Optional<ProcessClock> clock() {
    return clock;
  }

  Optional<FullDisk> disk() {
    return disk;
  }

  FaultProxy hop(Hop hop) {
    return hops.get(hop);
  }

  SeraiChild process(Host host) {
    return processes.get(host);
  }

  /** Those that are meant to run. */
  Map<Host, Long> running() {
    return Map.copyOf(running);
  }

  SwTpm swtpm() {
    return swtpm;
  }

  TpmProxy tpm() {
    return tpm;
  }

  ManagedChannel admin() {
    return admin;
  }

  ManagedChannel workload() {
    return workload;
  }

  /** A port of this machine's loopback that leads to the issuer's TLS port. */
  int outsidePort() {
    return outsidePort;
  }

  /** The token the verifier came with; it was good once. */
  String usedToken() {
    return token;
  }

  Path database(Host host) {
    return processes.get(host).stateDir().resolve("serai.db");
  }

  /** Copies the logs, for whoever has to find out. */
  List<Path> saveLogs(Path where) throws IOException {
    Files.createDirectories(where);
    List<Path> saved = new ArrayList<>();
    for (Map.Entry<Host, SeraiChild> entry : processes.entrySet()) {
      if (Files.exists(entry.getValue().log())) {
        Path copy = where.resolve(entry.getKey().shortName() + ".log");
        Files.copy(entry.getValue().log(), copy, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        saved.add(copy);
      }
    }
    return saved;
  }

  @Override
  public void close() {
    processes.values().forEach(SeraiChild::close);
    while (!closing.isEmpty()) {
      try {
        closing.pop().close();
      } catch (Exception e) {
        System.err.println("torture: closing: " + e); // the rest is closed too
      }
    }
    ProcessClock.sweep();
  }
}
