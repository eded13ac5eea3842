package dev.serai.app;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Ports for a passing process: a demo, a benchmark, a test. Not those the kernel would choose: it
 * gives a port that was free a moment ago to the next outgoing connection, and then the server
 * cannot have it. Each JVM counts through the ports below the kernel's range from a place of its
 * own.
 */
public final class FreePorts {
  private static final List<String> KEYS =
      List.of(
          "serai.management.port",
          "serai.registrar.port",
          "serai.registrar.tls-port",
          "serai.verifier.port",
          "serai.issuer.port",
          "serai.agent.port");
  private static final int FIRST = 10_240;
  private static final int END = 32_000; // the kernel's own begin at 32768
  private static final AtomicInteger TAKEN =
      new AtomicInteger((int) (ProcessHandle.current().pid() * 211 % (END - FIRST)));

  private FreePorts() {}

  /** A port on loopback that nobody listens on now, and that this JVM was not given lately. */
  public static int next() {
    for (int tries = 0; tries < END - FIRST; tries++) {
      int port = FIRST + Math.floorMod(TAKEN.getAndIncrement(), END - FIRST);
      if (isFree(port)) {
        return port;
      }
    }
    throw new IllegalStateException("no port is free");
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
