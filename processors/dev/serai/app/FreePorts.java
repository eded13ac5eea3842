package dev.serai.app;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Ports for a passing process: a demo, a benchmark, a test. Not those the kernel would choose: it
 * gives a port that was free a moment ago to the next outgoing connection, and then the server
 * cannot have it. Each JVM counts through a range of its own, below the kernel's: a server that
 * stops for a moment finds its port free again.
 */
public final class FreePorts {
  private static final List<String> KEYS =
      List.of(
          "serai.management.port",
          "serai.registrar.port",
          "serai.registrar.tls-port",
          "serai.verifier.port",
          "serai.issuer.port",
          "serai.sensor.port",
          "serai.agent.port",
          "serai.gate.port");
  private static final int FIRST = 10_240;
  private static final int END = 32_000; // the kernel's own begin at 32768
  private static final int RANGES = 16;
  private static final int SIZE = (END - FIRST) / RANGES;

  /** Bound to the first port of our range as long as this JVM lives, so that no other takes it. */
  private static final Socket CLAIM = new Socket();

  private static final int BEGIN = claim();
  private static final AtomicInteger TAKEN = new AtomicInteger();

  private FreePorts() {}

  /** A port on loopback that nobody listens on now, and that this JVM was not given lately. */
  public static int next() {
    for (int tries = 0; tries < SIZE; tries++) {
      int port = BEGIN + 1 + Math.floorMod(TAKEN.getAndIncrement(), SIZE - 1);
      if (isFree(port)) {
        return port;
      }
    }
    throw new IllegalStateException("no port is free");
  }

  /** Where all ranges are claimed, one is shared. */
  private static int claim() {
    int own = (int) (ProcessHandle.current().pid() % RANGES);
    for (int i = 0; i < RANGES; i++) {
      int first = FIRST + (own + i) % RANGES * SIZE;
      try {
        CLAIM.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), first));
        return first;
      } catch (IOException e) {
        continue; // another's
      }
    }
    return FIRST + own * SIZE;
  }

  /** Gives every listener of a process a port, and tells the agent of them. */
  public static void assign(Map<String, String> settings) {
    for (String key : KEYS) {
      settings.put(key, Integer.toString(next()));
    }
    joinRoles(settings);
  }

  /** The usual ports where they are free, others where they are not. */
  static void assignUsual(Map<String, String> settings, LayeredSettings usual) {
    for (String key : KEYS) {
      int port = usual.integer(key);
      settings.put(key, Integer.toString(isFree(port) ? port : next()));
    }
    joinRoles(settings);
  }

  private static void joinRoles(Map<String, String> settings) {
    settings.put("serai.agent.issuer", "127.0.0.1:" + settings.get("serai.issuer.port"));
    settings.put(
        "serai.agent.registrar", "http://127.0.0.1:" + settings.get("serai.registrar.port"));
  }

  private static boolean isFree(int port) {
    try (ServerSocket free = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
      return free.isBound();
    } catch (IOException e) { // taken, which is the answer
      return false;
    }
  }
}
