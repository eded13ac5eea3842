package dev.serai.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.cli.DemoCalls;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RoleHealth;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * The main job on this machine, from nothing: all roles, a TPM (a software one when there is none),
 * an entry for the current user, and its identity fetched by another process.
 */
@Command(
    name = "demo",
    description = "The main job on this machine, from the TPM to a workload's SVID.",
    mixinStandardHelpOptions = true)
final class DemoCommand implements Callable<Integer> {
  /** The configuration of the demo, in its home. */
  static final String CONFIGURATION = "demo.properties";

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String TRUST_DOMAIN = "demo.example";
  private static final Duration PATIENCE = Duration.ofSeconds(90);
  private static final long LOOK_MS = 25;
  private static final int LONGEST_SOCKET_DIR = 60;
  private static final Path DEVICE = Path.of("/dev/tpmrm0");

  @Spec private CommandSpec spec;

  @Option(names = "--once", description = "stop when the identity is there")
  private boolean once;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "leave svid.pem, svid.key, bundle.pem and report.json here")
  private Path out;

  @Option(names = "--swtpm", description = "a software TPM even when there is a real one")
  private boolean software;

  @Option(
      names = "--fake-operator",
      paramLabel = "JAR",
      description = "the demo's fake mobile operator; default: serai-fake-operator.jar beside ours")
  private Path operatorCode;

  private final CountDownLatch interrupted = new CountDownLatch(1);
  private final CountDownLatch closed = new CountDownLatch(1);
  private Path log;
  private final List<Path> temporary = new ArrayList<>();
  private volatile RoleHealth.Standing seen = RoleHealth.Standing.ready("STARTING");

  @Override
  public Integer call() throws Exception {
    PrintWriter print = spec.commandLine().getOut();
    DemoReport report = new DemoReport(print);
    Runtime.getRuntime().addShutdownHook(new Thread(this::stopNow, "serai-demo-stop"));
    boolean done = false;
    try {
      run(report, print);
      done = true;
      return 0;
    } finally {
      if (out != null) {
        Files.createDirectories(out);
        report.write(out.resolve("report.json"));
      }
      if (!done) {
        keepLog(print);
      }
      temporary.forEach(DemoCommand::remove);
      closed.countDown();
    }
  }

  /** A passing demo removes its state; when it failed, somebody wants to know why. */
  private void keepLog(PrintWriter print) throws IOException {
    if (log != null && Files.exists(log)) {
      Path kept =
          once
              ? (out != null
                  ? out.resolve("serai.log")
                  : Files.createTempFile("serai-demo", ".log"))
              : log;
      if (!kept.equals(log)) {
        Files.copy(log, kept, StandardCopyOption.REPLACE_EXISTING);
      }
      print.println("log: " + kept);
      print.flush();
    }
  }

  /** On a signal: lets the demo close what it opened. */
  private void stopNow() {
    interrupted.countDown();
    try {
      if (!closed.await(15, TimeUnit.SECONDS)) {
        return; // the JVM ends, whatever still hangs
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run(DemoReport report, PrintWriter print) throws Exception {
    Path state = stateDir();
    Path run = runDir(state);
    log = state.resolve("serai.log");
    LogSetup.applyToFile(log);
    try (DemoOperatorProcess operator = launchOperator(report, state);
        SoftwareTpm tpm = startTpm(report, state, run);
        SeraiProcess process = startRoles(report, state, run, tpm, operator)) {
      RoleHealth agent = process.context().find("roleHealth-agent", RoleHealth.class);
      DemoCalls calls =
          new DemoCalls(Path.of(process.settings().text("serai.issuer.admin-socket")));
      String node =
          report.step(
              "enrol",
              "the TPM's endorsement key is trusted and its attestation key proven to live beside"
                  + " it; the demo's modem is registered for this node",
              () -> enrol(agent, process));
      RoleHealth.Standing attested =
          report.step(
              "attest",
              "quote, certified key and location judged; the agent has an identity whose key is in"
                  + " the TPM",
              () -> attested(agent, calls));
      String parent = attested.facts().getOrDefault("spiffeId", "");
      DemoQuestions questions = new DemoQuestions(process.context());
      report.step(
          "certify",
          "asked over the agent's API, the attestation key certifies the key of this identity",
          () -> questions.certify(node));
      report.step(
          "location",
          "in the node's record",
          DemoCommand::place,
          () -> located(calls.node(parent)));
      report.step(
          "operator",
          "the fake mobile operator (demo only) has the SIM where it belongs",
          () -> confirmed(questions));
      String user = System.getProperty("user.name", "user").replaceAll("[^A-Za-z0-9._-]", "-");
      String id = "spiffe://" + TRUST_DOMAIN + "/user/" + user;
      Object uid = Files.getAttribute(state, "unix:uid");
      report.step(
          "entry",
          id + " for unix:uid:" + uid,
          () -> calls.createEntry(id, parent, "unix:uid:" + uid));
      Path svid = fetch(report, process, id);
      report.step(
          "gate",
          "in mode strict",
          refused -> "the workload passes; a certificate without claims does not, " + refused,
          () -> gate(questions, svid));
      report.node(node, calls.node(parent).map(NodeView::getState).orElse(attested.state()));
      if (!once) {
        stayUp(print, process, state);
      }
    }
  }

  private String enrol(RoleHealth agent, SeraiProcess process) throws InterruptedException {
    String node =
        await(agent, standing -> standing.facts().containsKey("node")).facts().get("node");
    // The verifier does not know the modem until it is registered; when it was asked before that,
    // the agent tries again.
    DemoCalls.registerDevice(
        Path.of(process.settings().text("serai.sensor.admin-socket")), DemoSensor.device(node));
    await(agent, DemoCommand::isEnrolled);
    return node;
  }

  /** One that a demo before issued without a location, in the same home, attests again. */
  private RoleHealth.Standing attested(RoleHealth agent, DemoCalls calls)
      throws InterruptedException {
    RoleHealth.Standing first = await(agent, standing -> standing.notReady().isEmpty());
    String id = first.facts().getOrDefault("spiffeId", "");
    Optional<NodeView> node = calls.node(id);
    if (node.isEmpty() || !node.get().getLocationRegion().isEmpty()) {
      return first;
    }
    calls.evict(node.get().getNodeId());
    return await(
        agent,
        standing ->
            standing.notReady().isEmpty()
                && calls.node(id).filter(view -> !view.getLocationRegion().isEmpty()).isPresent());
  }

  private static NodeView located(Optional<NodeView> node) {
    return node.filter(view -> view.getLocationRegion().equals(DemoSensor.REGION))
        .orElseThrow(
            () -> new RefusalException(ReasonCode.LOCATION_MISSING, "none in the node's record"));
  }

  private static String place(NodeView node) {
    return "region %s, %s, until %s"
        .formatted(
            node.getLocationRegion(),
            node.getLocationAssurance(),
            Instant.ofEpochMilli(node.getLocationValidUntil()).truncatedTo(ChronoUnit.SECONDS));
  }

  private static boolean confirmed(DemoQuestions questions) throws Exception {
    if (!questions.verifyWithOperator()) {
      throw new RefusalException(
          ReasonCode.LOCATION_NOT_CONFIRMED, "the fake operator has the SIM elsewhere");
    }
    return true;
  }

  /** What it told the one that may not pass. */
  private static String gate(DemoQuestions questions, Path svid) throws Exception {
    DemoQuestions.GateAnswer workload = questions.gate(svid);
    if (!workload.passes()) {
      throw new RefusalException(ReasonCode.GATE_LOCATION_DENIED, workload.text());
    }
    DemoQuestions.GateAnswer other = questions.gateWithoutClaims();
    if (other.passes()) {
      throw new RefusalException(
          ReasonCode.GATE_CLAIM_MISSING, "the gate let a certificate without claims pass");
    }
    return other.text();
  }

  /** A step only when it fails: its verdict is one, later. */
  private DemoOperatorProcess launchOperator(DemoReport report, Path state) throws Exception {
    try {
      return DemoOperatorProcess.launch(
          Optional.ofNullable(operatorCode), state.resolve("operator"), DemoSensor.subscriber());
    } catch (RefusalException e) {
      throw operatorFailed(report, e);
    }
  }

  private static RefusalException operatorFailed(DemoReport report, RefusalException why)
      throws Exception {
    return report.step(
        "operator",
        "the fake mobile operator (demo only) did not start",
        () -> {
          throw why;
        });
  }

  private Path stateDir() throws IOException {
    if (once) {
      Path dir = Files.createTempDirectory("serai-demo");
      temporary.add(dir);
      return dir;
    }
    return Files.createDirectories(home(System.getenv()));
  }

  /** Where the demo of this user keeps its state. */
  static Path home(Map<String, String> environment) {
    String base = environment.getOrDefault("XDG_STATE_HOME", "");
    Path home =
        base.isBlank() ? Path.of(System.getProperty("user.home"), ".local/state") : Path.of(base);
    return home.resolve("serai-demo").toAbsolutePath();
  }

  /** Unix socket paths are short; a deep home directory is not. */
  private Path runDir(Path state) throws IOException {
    Path run = state.resolve("run");
    if (run.toString().length() <= LONGEST_SOCKET_DIR) {
      return Files.createDirectories(run);
    }
    Path shorter = Files.createTempDirectory("serai");
    temporary.add(shorter);
    return shorter;
  }

  /** Null when the machine's own TPM is used. */
  private SoftwareTpm startTpm(DemoReport report, Path state, Path run) throws Exception {
    if (!software && Files.exists(DEVICE)) {
      report.step("tpm", "the machine's own, " + DEVICE, () -> DEVICE);
      return null;
    }
    SoftwareTpm tpm = new SoftwareTpm(state.resolve("tpm"), run);
    report.step(
        "tpm",
        "a software TPM (swtpm), for a demo only",
        () -> {
          tpm.start();
          return tpm;
        });
    return tpm;
  }

  private SeraiProcess startRoles(
      DemoReport report, Path state, Path run, SoftwareTpm tpm, DemoOperatorProcess operator)
      throws Exception {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("serai.trust-domain", TRUST_DOMAIN);
    values.put("serai.state-dir", state.resolve("state").toString());
    values.put("serai.run-dir", run.toString());
    // The operator's explicit choice: what the PCRs hold at enrolment is what they have to hold.
    values.put("serai.verifier.policy", "builtin:demo-located");
    locate(values, report, state, run, operator);
    if (tpm != null) {
      values.put("serai.tpm.tcti", tpm.tcti());
      values.put("serai.tpm.allow-software", "true");
      values.put("serai.registrar.ek-trust-dir", tpm.trustDir().toString());
    }
    if (once) {
      FreePorts.assign(values);
    } else {
      FreePorts.assignUsual(values, LayeredSettings.load(Optional.empty(), Map.of(), Map.of()));
    }
    Path file = state.resolve(CONFIGURATION);
    writeProperties(file, values);
    LayeredSettings settings = LayeredSettings.load(Optional.of(file), System.getenv(), Map.of());
    SeraiProcess process = new SeraiProcess(settings, Optional.empty());
    report.step(
        "start",
        "registrar, verifier, issuer, sensor service, gate and agent in one process",
        () -> {
          process.start();
          return process;
        });
    return process;
  }

  /** A modem that is a file, an operator that is fake, and a gate that asks for both. */
  private static void locate(
      Map<String, String> values,
      DemoReport report,
      Path state,
      Path run,
      DemoOperatorProcess operator)
      throws Exception {
    Map<String, String> asking;
    try {
      asking = operator.settings();
    } catch (RefusalException e) {
      throw operatorFailed(report, e);
    }
    report.note("fake mobile operator (demo only) at " + asking.get("serai.camara.url"));
    values.putAll(asking);
    values.put("serai.camara.cache-ttl", "0s"); // each step asks for itself
    values.put("serai.issuer.challenge-location", "true");
    values.put("serai.agent.location.sensors", "file");
    values.put("serai.agent.location.file", DemoSensor.writeReading(state).toString());
    values.put("serai.agent.denied-retry-first", "500ms");
    values.put("serai.gate.mode", "strict");
    values.put("serai.gate.regions", DemoSensor.REGION);
    values.put("serai.gate.socket", run.resolve("gate.sock").toString());
    values.put("serai.gate.proxy-users", Files.getAttribute(state, "unix:uid").toString());
  }

  private static void writeProperties(Path file, Map<String, String> values) throws IOException {
    StringBuilder text = new StringBuilder("# Made by serai demo.\n");
    values.forEach(
        (key, value) ->
            text.append(key).append('=').append(value.replace("\\", "\\\\")).append('\n'));
    Files.writeString(file, text);
  }

  private static boolean isEnrolled(RoleHealth.Standing standing) {
    return standing.facts().containsKey("node")
        && !List.of("STARTING", "TPM_UNAVAILABLE", "UNREGISTERED").contains(standing.state());
  }

  private RoleHealth.Standing await(RoleHealth agent, Predicate<RoleHealth.Standing> good)
      throws InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() < end) {
      seen = agent.standing();
      if (good.test(seen)) {
        return seen;
      }
      if (interrupted.await(LOOK_MS, TimeUnit.MILLISECONDS)) {
        throw new RefusalException(ReasonCode.STARTING, "stopped before it was ready");
      }
    }
    Reason why =
        seen.notReady().orElse(new Reason(ReasonCode.DEADLINE_EXCEEDED, "no identity in time"));
    throw new RefusalException(why.code(), "agent is " + seen.state() + ": " + why.detail());
  }

  /** As a workload: another process, known to the agent by what the kernel says of it. */
  private Path fetch(DemoReport report, SeraiProcess process, String id) throws Exception {
    Path where = out != null ? out : process.context().stateDir().resolve("svid");
    JsonNode svids =
        report.step(
            "svid",
            "fetched by another process over the Workload API socket",
            () -> {
              Process workload =
                  new ProcessBuilder(
                          selfCommand(
                              "svid",
                              "fetch",
                              "x509",
                              "--json",
                              "--socket",
                              process.settings().text("serai.agent.workload-socket"),
                              "--write",
                              where.toString()))
                      .redirectError(ProcessBuilder.Redirect.INHERIT)
                      .start();
              String printed =
                  new String(workload.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
              if (!workload.waitFor(60, TimeUnit.SECONDS) || workload.exitValue() != 0) {
                workload.destroyForcibly();
                throw new RefusalException(
                    ReasonCode.WORKLOAD_NO_ENTRY, "the workload got no identity");
              }
              return JSON.readTree(printed);
            });
    for (JsonNode svid : svids) {
      if (svid.path("spiffeId").asText().equals(id)) {
        report.svid(id, svid.path("notAfter").asText());
      }
    }
    return where.resolve("svid.pem");
  }

  /** This very JVM and jar, with its flags. */
  private static List<String> selfCommand(String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(flag -> flag.startsWith("-X"))
        .filter(flag -> !flag.contains("ArchiveClassesAtExit"))
        .forEach(command::add);
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(Main.class.getName());
    command.addAll(List.of(arguments));
    return command;
  }

  private void stayUp(PrintWriter print, SeraiProcess process, Path state)
      throws InterruptedException {
    String base = "http://127.0.0.1:" + process.settings().integer("serai.management.port");
    print.printf(
        "%nSerai is up; Ctrl-C stops it.%n"
            + "  look     %s/  user serai, password in %s%n"
            + "  health   %s/health%n"
            + "  metrics  %s/metrics%n"
            + "  console  %s/hawtio/  the same user and password%n"
            + "  socket   unix://%s%n"
            + "  log      %s%n"
            + "  try      ./serai svid fetch x509 --config %s%n",
        base,
        process.context().stateDir().resolve("hawtio-password"),
        base,
        base,
        base,
        process.settings().text("serai.agent.workload-socket"),
        state.resolve("serai.log"),
        state.resolve(CONFIGURATION));
    print.flush();
    interrupted.await();
  }

  private static void remove(Path dir) {
    try (Stream<Path> files = Files.walk(dir)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      System.err.println("serai: could not remove " + dir + ": " + e.getMessage());
    }
  }
}
