package dev.serai.http;

import java.util.NoSuchElementException;
import org.apache.camel.CamelExchangeException;

/** camel-netty has no class of its own for a peer that hangs up without an answer. */
public final class NettyHangUp {
  private NettyHangUp() {}

  /** Whether this alone, without its cause, says so. */
  public static boolean is(Throwable t) {
    StackTraceElement[] from = t.getStackTrace();
    if (from.length == 0) {
      return false;
    }
    String thrower = from[0].getClassName();
    // The peer closed a connection between its making and its use.
    boolean closedInThePool =
        t instanceof NoSuchElementException && thrower.startsWith("org.apache.commons.pool2.");
    return closedInThePool
        || (t.getClass() == CamelExchangeException.class
            && t.getCause() == null
            && thrower.startsWith("org.apache.camel.component.netty."));
  }
}
