package dev.serai.management;

import java.util.List;

/**
 * Breakers of one kind, for the console: {@code dev.serai:type=Breakers,context=...,kind=...}.
 * Read-only.
 */
public interface BreakersMXBean {
  int getClosed();

  int getHalfOpen();

  int getOpen();

  /** All providers; of nodes those that are not closed, the ones open for longest first. */
  List<BreakerView> getBreakers();
}
