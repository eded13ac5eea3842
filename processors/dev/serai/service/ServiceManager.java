package dev.serai.service;

import io.netty.channel.epoll.Epoll;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What systemd is told of this process, sd_notify(3): datagrams to the unix socket of {@code
 * NOTIFY_SOCKET}, a path or an abstract name. Without one every call does nothing. A manager that
 * cannot be told is a line in the log and never a failure.
 */
public final class ServiceManager {
  private static final Logger LOG = LoggerFactory.getLogger(ServiceManager.class);
  private static final int LONGEST_STATUS = 500;

  private final Optional<byte[]> address;
  private final Optional<Duration> watchdog;

  private ServiceManager(Optional<byte[]> address, Optional<Duration> watchdog) {
    this.address = address;
    this.watchdog = watchdog;
  }

  /** As the environment names it. */
  public static ServiceManager of(Map<String, String> environment) {
    Optional<byte[]> address =
        Optional.ofNullable(environment.get("NOTIFY_SOCKET")).flatMap(ServiceManager::address);
    if (address.isPresent() && !Epoll.isAvailable()) {
      LOG.warn("the service manager cannot be told anything", Epoll.unavailabilityCause());
      return new ServiceManager(Optional.empty(), Optional.empty());
    }
    return new ServiceManager(address, address.flatMap(a -> watchdog(environment)));
  }

  /** An abstract name begins with @ where the kernel wants a zero byte, unix(7). */
  private static Optional<byte[]> address(String name) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    if (bytes.length < 2 || (bytes[0] != '/' && bytes[0] != '@')) {
      LOG.warn("NOTIFY_SOCKET is neither a path nor an abstract name: {}", name);
      return Optional.empty();
    }
    if (bytes[0] == '@') {
      bytes[0] = 0;
    }
    return Optional.of(bytes);
  }

  /** Meant for this process only, sd_watchdog_enabled(3). */
  private static Optional<Duration> watchdog(Map<String, String> environment) {
    String pid = environment.get("WATCHDOG_PID");
    String micros = environment.get("WATCHDOG_USEC");
    boolean ours = pid == null || pid.equals(Long.toString(ProcessHandle.current().pid()));
    if (!ours || micros == null || !micros.matches("[1-9][0-9]{0,14}")) {
      return Optional.empty();
    }
    return Optional.of(Duration.ofNanos(Long.parseLong(micros) * 1000));
  }

  /** Whether anybody listens. */
  public boolean isThere() {
    return address.isPresent();
  }

  /** How often it wants a sign of life, if it does. */
  public Optional<Duration> watchdog() {
    return watchdog;
  }

  /** Started: everything that can run does. */
  public void ready(String status) {
    send("READY=1\nSTATUS=" + oneLine(status));
  }

  /** A line for people, shown by systemctl status. */
  public void status(String status) {
    send("STATUS=" + oneLine(status));
  }

  /** Reads its configuration again; {@link #ready} ends it. */
  public void reloading() {
    send("RELOADING=1\nMONOTONIC_USEC=" + System.nanoTime() / 1000);
  }

  /** Begins to stop. */
  public void stopping() {
    send("STOPPING=1\nSTATUS=stopping");
  }

  /** A sign of life. */
  public void alive() {
    send("WATCHDOG=1");
  }

  private static String oneLine(String status) {
    String line = status.replaceAll("\\p{Cntrl}+", " ");
    return line.length() > LONGEST_STATUS ? line.substring(0, LONGEST_STATUS) : line;
  }

  private void send(String message) {
    if (address.isEmpty()) {
      return;
    }
    byte[] bytes = message.getBytes(StandardCharsets.UTF_8);
    ByteBuffer buffer = ByteBuffer.allocateDirect(bytes.length).put(bytes);
    Socket socket = Socket.newSocketDomainDgram();
    try {
      int sent = socket.sendToDomainSocket(buffer, 0, bytes.length, address.get());
      if (sent < bytes.length) {
        LOG.warn("the service manager was not told \"{}\": it does not read", message);
      }
    } catch (IOException e) {
      LOG.warn("the service manager was not told \"{}\": {}", message, e.getMessage());
    } finally {
      close(socket);
    }
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      LOG.debug("a socket was closed badly", e);
    }
  }
}
