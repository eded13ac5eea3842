package dev.serai.cli;

import dev.serai.net.SpiffeChannels;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import io.grpc.ManagedChannel;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Option;

/** The options that say which process to talk to, and the way there. */
class Connection {
  static final long DEADLINE_SECONDS = 20;

  @Option(
      names = "--socket",
      paramLabel = "PATH",
      description = "path or unix: URI; else from the environment, else from the configuration")
  private String socket;

  @Option(names = "--config", paramLabel = "FILE", description = "configuration of the process")
  private Path config;

  Optional<Path> config() {
    return Optional.ofNullable(config);
  }

  ManagedChannel admin(Sockets sockets) {
    return open(sockets, "SERAI_ADMIN_SOCKET", "serai.issuer.admin-socket");
  }

  ManagedChannel sensor(Sockets sockets) {
    return open(sockets, "SERAI_SENSOR_SOCKET", "serai.sensor.admin-socket");
  }

  ManagedChannel workload(Sockets sockets) {
    return open(sockets, "SPIFFE_ENDPOINT_SOCKET", "serai.agent.workload-socket");
  }

  private ManagedChannel open(Sockets sockets, String variable, String key) {
    Path path = path(sockets, variable, key, System.getenv());
    if (!Files.exists(path)) {
      throw new RefusalException(ReasonCode.PEER_UNAVAILABLE, "no socket " + path);
    }
    if (!Files.isReadable(path) || !Files.isWritable(path)) {
      throw new RefusalException(
          ReasonCode.CALLER_NOT_ALLOWED, "this user may not use the socket " + path);
    }
    return SpiffeChannels.unix(path);
  }

  Path path(Sockets sockets, String variable, String key, Map<String, String> environment) {
    String text =
        Optional.ofNullable(socket)
            .or(() -> Optional.ofNullable(environment.get(variable)).filter(v -> !v.isBlank()))
            .orElseGet(() -> sockets.value(config(), key));
    if (!text.startsWith("unix:")) {
      return Path.of(text);
    }
    URI uri = URI.create(text);
    return Path.of(uri.getPath() != null ? uri.getPath() : uri.getSchemeSpecificPart());
  }

  static void close(ManagedChannel channel) {
    channel.shutdownNow();
    try {
      if (!channel.awaitTermination(2, TimeUnit.SECONDS)) {
        return; // the process ends anyway
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
