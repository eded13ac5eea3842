package dev.serai.testing;

import dev.serai.app.FreePorts;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * Serai as a process of its own, as {@code java -jar} runs it: what is killed here is gone with
 * everything it held. State and log stay in the directory for the next start.
 */
public final class SeraiChild implements AutoCloseable {
  private static final EventLoopGroup LOOPS =
      new EpollEventLoopGroup(1, new DefaultThreadFactory("serai-child-client", true));

  private final Path dir;
  private final Map<String, String> settings = new TreeMap<>();
  private final Map<String, String> environment = new TreeMap<>();
  private final List<String> arguments = new ArrayList<>();
  private final HttpClient http =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
  private final List<String> prefix = new ArrayList<>();
  private String heap = "-Xmx256m";
  private Process process;

  /** All roles on free loopback ports, state below the directory, nothing started yet. */
  public SeraiChild(Path dir) {
    this.dir = dir;
    settings.put("serai.trust-domain", "child.test");
    settings.put("serai.state-dir", dir.resolve("state").toString());
    FreePorts.assign(settings);
  }

  public SeraiChild with(String key, String value) {
    settings.put(key, value);
    return this;
  }

  /** A variable of the process's environment. */
  public SeraiChild withEnvironment(String name, String value) {
    environment.put(name, value);
    return this;
  }

  /** Further arguments of run. */
  public SeraiChild withArguments(String... more) {
    arguments.addAll(List.of(more));
    return this;
  }

  /** The file given with --config; written again by {@link #writeConfig}. */
  public Path config() {
    return dir.resolve("serai.properties");
  }

  /** Sends a signal, for instance HUP. */
  public void signal(String name) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + name, Long.toString(pid())).inheritIO().start().waitFor();
  }

  /** The value of a port's key. */
  public int port(String key) {
    return Integer.parseInt(settings.get(key));
  }

  public int exitValue() {
    return process.exitValue();
  }

  /** A command that runs the process, for instance in a network namespace. */
  public SeraiChild through(List<String> command) {
    prefix.addAll(command);
    return this;
  }

  public SeraiChild environment(Map<String, String> more) {
    environment.putAll(more);
    return this;
  }

  public SeraiChild heap(int megabytes) {
    heap = "-Xmx" + megabytes + "m";
    return this;
  }

  /** The TPM, its EK authority and the policy of the demo. */
  public SeraiChild withTpm(SwTpm tpm) throws IOException {
    Path trust = Files.createDirectories(dir.resolve("ek-trust"));
    Files.write(trust.resolve("ca.der"), encoded());
    return with("serai.tpm.tcti", tpm.tcti())
        .with("serai.tpm.allow-software", "true")
        .with("serai.registrar.ek-trust-dir", trust.toString())
        .with("serai.verifier.policy", "builtin:demo");
  }

  private static byte[] encoded() throws IOException {
    try {
      return SwTpm.ekCa().getEncoded();
    } catch (java.security.cert.CertificateEncodingException e) {
      throw new IOException(e);
    }
  }

  public SeraiChild start() throws IOException {
    writeConfig();
    List<String> command = new ArrayList<>(prefix);
    // Whoever runs the tests may have these ignored, and a child has that from its parent.
    command.addAll(List.of("env", "--default-signal=HUP,INT"));
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            heap,
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            "dev.serai.app.Main",
            "run",
            "--config",
            config().toString()));
    command.addAll(arguments);
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()));
    // What steers the test is no configuration of the child.
    builder.environment().keySet().removeIf(name -> name.startsWith("SERAI_"));
    builder.environment().putAll(environment);
    process = builder.start();
    return this;
  }

  /** Writes the settings as they are now. */
  public void writeConfig() throws IOException {
    StringBuilder text = new StringBuilder();
    settings.forEach((key, value) -> text.append(key).append('=').append(value).append('\n'));
    Files.writeString(config(), text);
  }

  /** What a key is set to here; null when it is not. */
  public String setting(String key) {
    return settings.get(key);
  }

  public Path log() {
    return dir.resolve("serai.log");
  }

  public Path stateDir() {
    return Path.of(settings.get("serai.state-dir"));
  }

  public boolean isAlive() {
    return process != null && process.isAlive();
  }

  public long pid() {
    return process.pid();
  }

  /** Ends on its own within the time, or is still running: false. */
  public boolean endsWithin(long millis) throws InterruptedException {
    return process.waitFor(millis, TimeUnit.MILLISECONDS);
  }

  /** SIGKILL. */
  public void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** SIGTERM; the exit code. */
  public int stop() throws InterruptedException {
    process.destroy();
    if (!process.waitFor(60, TimeUnit.SECONDS)) {
      throw new AssertionError("did not stop within a minute");
    }
    return process.exitValue();
  }

  /** GET of the management port: status code; 0 when nobody answers. */
  public int get(String path) {
    try {
      return http.send(request(path), HttpResponse.BodyHandlers.discarding()).statusCode();
    } catch (IOException e) {
      return 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 0;
    }
  }

  public String text(String path) throws IOException, InterruptedException {
    return http.send(request(path), HttpResponse.BodyHandlers.ofString()).body();
  }

  private HttpRequest request(String path) {
    return HttpRequest.newBuilder(
            URI.create("http://127.0.0.1:" + settings.get("serai.management.port") + path))
        .timeout(Duration.ofSeconds(15))
        .build();
  }

  public Path adminSocket() {
    return runDir().resolve("issuer/admin.sock");
  }

  public Path workloadSocket() {
    return runDir().resolve("workload/api.sock");
  }

  private Path runDir() {
    return Path.of(settings.getOrDefault("serai.run-dir", stateDir().resolve("run").toString()));
  }

  /** A plain gRPC channel to a unix socket; the caller shuts it down. */
  public static ManagedChannel channel(Path socket) {
    return NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toString()))
        .eventLoopGroup(LOOPS)
        .channelType(EpollDomainSocketChannel.class)
        .usePlaintext()
        .overrideAuthority("localhost")
        .withOption(ChannelOption.SO_KEEPALIVE, null) // not an option of a unix socket
        .build();
  }

  @Override
  public void close() {
    if (process != null) {
      process.destroyForcibly().onExit().join();
    }
  }
}
