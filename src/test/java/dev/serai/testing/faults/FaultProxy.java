package dev.serai.testing.faults;

import java.io.IOException;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands on the way between two programs, TCP or unix socket, and does to the bytes what a bad
 * network, a slow peer or a broken one does. Without a fault it passes them on. Either end may be
 * in a network namespace of its own.
 */
public final class FaultProxy implements AutoCloseable {
  private static final int CHUNK = 16 << 10;
  private static final byte[] TOO_MANY =
      "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
          .getBytes(StandardCharsets.US_ASCII);

  /** What is done to the connections, those that are open and those that come. */
  public enum Fault {
    NONE,
    /** Every piece is 300 ms late. */
    LATENCY,
    /** The answers come with one byte a second. */
    ONE_BYTE_A_SECOND,
    /** Open connections are cut, new ones at once. */
    CUT,
    /** Nothing goes through and nothing is closed; afterwards it all goes on. */
    BLACK_HOLE,
    /** The answers are noise. */
    GARBAGE,
    /** The far end stops talking after its first answer, and goes on listening. */
    HALF_CLOSE,
    /** Whatever is asked, the answer is 429 in plain HTTP. */
    TOO_MANY_REQUESTS
  }

  /** A place to listen at or to connect to. */
  public record End(Optional<NetworkNamespace> within, SocketAddress address) {
    private void enter() throws IOException {
      if (within.isPresent()) {
        within.get().enter();
      }
    }

    private boolean isUnix() {
      return address instanceof UnixDomainSocketAddress;
    }
  }

  private final End near;
  private final End far;
  private final Random noise;
  private final Set<SocketChannel> open = ConcurrentHashMap.newKeySet();
  private final AtomicInteger struck = new AtomicInteger();
  private final Object changed = new Object();
  private ServerSocketChannel listener;
  private volatile Fault fault = Fault.NONE;
  private volatile boolean closed;

  private FaultProxy(End near, End far, long seed) {
    this.near = near;
    this.far = far;
    this.noise = new Random(seed);
  }

  /** Listens at once. */
  public static FaultProxy between(End near, End far, long seed) throws IOException {
    FaultProxy proxy = new FaultProxy(near, far, seed);
    CountDownLatch listening = new CountDownLatch(1);
    IOException[] failure = new IOException[1];
    thread(
        "fault-proxy-accept",
        () -> {
          try {
            near.enter();
            proxy.listener =
                near.isUnix()
                    ? ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                    : ServerSocketChannel.open();
            proxy.listener.bind(near.address());
          } catch (IOException e) {
            failure[0] = e;
          } finally {
            listening.countDown();
          }
          if (failure[0] == null) {
            proxy.accept();
          }
        });
    try {
      listening.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
    if (failure[0] != null) {
      throw failure[0];
    }
    return proxy;
  }

  /** From now on. */
  public void inject(Fault now) {
    fault = now;
    if (now == Fault.CUT || now == Fault.TOO_MANY_REQUESTS) {
      open.forEach(FaultProxy::quietly);
    }
    synchronized (changed) {
      changed.notifyAll();
    }
  }

  public void heal() {
    inject(Fault.NONE);
  }

  /** Pieces and connections that met a fault so far. */
  public int struck() {
    return struck.get();
  }

  private static void thread(String name, Runnable work) {
    Thread thread = new Thread(null, work, name, 256 << 10);
    thread.setDaemon(true);
    thread.start();
  }

  private void accept() {
    while (!closed) {
      try {
        SocketChannel client = listener.accept();
        thread("fault-proxy", () -> serve(client));
      } catch (IOException e) {
        return; // closed
      }
    }
  }

  private void serve(SocketChannel client) {
    open.add(client);
    try {
      if (fault == Fault.CUT) {
        struck.incrementAndGet();
        return;
      }
      if (fault == Fault.TOO_MANY_REQUESTS) {
        struck.incrementAndGet();
        client.read(ByteBuffer.allocate(CHUNK));
        client.write(ByteBuffer.wrap(TOO_MANY));
        return;
      }
      awaitNoBlackHole();
      far.enter();
      SocketChannel server =
          far.isUnix() ? SocketChannel.open(StandardProtocolFamily.UNIX) : SocketChannel.open();
      open.add(server);
      try {
        server.connect(far.address());
        thread("fault-proxy-up", () -> pump(client, server, false));
        pump(server, client, true);
      } finally {
        open.remove(server);
        quietly(server);
      }
    } catch (IOException e) {
      return; // either side went away
    } finally {
      open.remove(client);
      quietly(client);
    }
  }

  private void pump(SocketChannel from, SocketChannel to, boolean answers) {
    ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
    try {
      while (from.read(buffer.clear()) >= 0) {
        buffer.flip();
        awaitNoBlackHole();
        Fault now = fault;
        if (now != Fault.NONE) {
          struck.incrementAndGet();
        }
        if (now == Fault.LATENCY) {
          pause(300, now);
        } else if (now == Fault.ONE_BYTE_A_SECOND && answers) {
          trickle(buffer, to);
        } else if (now == Fault.GARBAGE && answers) {
          byte[] junk = new byte[buffer.remaining()];
          synchronized (noise) {
            noise.nextBytes(junk);
          }
          buffer = ByteBuffer.wrap(junk);
        }
        while (buffer.hasRemaining()) {
          to.write(buffer);
        }
        if (buffer.capacity() != CHUNK) {
          return; // noise ends in an end
        }
        if (now == Fault.HALF_CLOSE && answers) {
          to.shutdownOutput();
          while (to.isOpen() && fault == Fault.HALF_CLOSE) {
            pause(1_000, now);
          }
          return;
        }
      }
      to.shutdownOutput();
    } catch (IOException e) {
      quietly(from);
      quietly(to);
    } finally {
      if (answers) {
        quietly(from);
        quietly(to);
      }
    }
  }

  private void trickle(ByteBuffer buffer, SocketChannel to) throws IOException {
    while (buffer.hasRemaining() && fault == Fault.ONE_BYTE_A_SECOND) {
      to.write(ByteBuffer.wrap(new byte[] {buffer.get()}));
      pause(1_000, Fault.ONE_BYTE_A_SECOND);
    }
  }

  private void awaitNoBlackHole() {
    if (fault == Fault.BLACK_HOLE) {
      struck.incrementAndGet();
    }
    while (fault == Fault.BLACK_HOLE && !closed) {
      pause(1_000, Fault.BLACK_HOLE);
    }
  }

  /** Waits this long, or until the fault is another one. */
  private void pause(long millis, Fault during) {
    long end = System.nanoTime() + millis * 1_000_000;
    synchronized (changed) {
      long left = millis;
      while (fault == during && !closed && left > 0) {
        try {
          changed.wait(left);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return;
        }
        left = (end - System.nanoTime()) / 1_000_000;
      }
    }
  }

  private static void quietly(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      return; // it is gone in any case
    }
  }

  @Override
  public void close() {
    closed = true;
    heal();
    try {
      listener.close();
      if (near.address() instanceof UnixDomainSocketAddress socket) {
        Files.deleteIfExists(socket.getPath());
      }
    } catch (IOException e) {
      return; // it is gone in any case
    } finally {
      open.forEach(FaultProxy::quietly);
    }
  }
}
