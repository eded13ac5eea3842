package dev.serai.audit;

import java.util.Optional;
import java.util.function.Supplier;

/** On whose word the work of this thread is done, for the record. */
public final class Acting {
  private static final ThreadLocal<String> ACTOR = new ThreadLocal<>();

  private Acting() {}

  /**
   * @param actor a proven name: a user id of the admin socket, a SPIFFE id
   */
  public static <T> T as(String actor, Supplier<T> work) {
    String outer = ACTOR.get();
    ACTOR.set(actor);
    try {
      return work.get();
    } finally {
      if (outer == null) {
        ACTOR.remove();
      } else {
        ACTOR.set(outer);
      }
    }
  }

  static Optional<String> now() {
    return Optional.ofNullable(ACTOR.get());
  }
}
