package dev.serai.torture;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.Set;

/**
 * The rounds of a run. They follow from the seed alone: the same seed, the same faults in the same
 * order with the same dice, whatever the machine can do of it.
 */
final class Plan implements Iterator<Plan.Round> {
  private final Set<Kind> kinds;
  private final Random random;
  private final Duration shortest;
  private final Duration longest;
  private final List<Kind> deck = new ArrayList<>();
  private int number;

  /**
   * One round.
   *
   * @param dice what the faults of this round choose with
   */
  record Round(int number, List<Kind> kinds, Duration hold, long dice) {}

  /** A fault of any kind lasts from the shortest to the longest. */
  Plan(long seed, Duration shortest, Duration longest) {
    this(EnumSet.allOf(Kind.class), seed, shortest, longest);
  }

  /** Only faults of these kinds. */
  Plan(Set<Kind> kinds, long seed, Duration shortest, Duration longest) {
    this.kinds = EnumSet.copyOf(kinds);
    this.random = new Random(seed);
    this.shortest = shortest;
    this.longest = longest;
  }

  /** It has no end. */
  @Override
  public boolean hasNext() {
    return true;
  }

  /** Whether every kind was dealt as often as every other. */
  boolean deckIsDealt() {
    return deck.isEmpty();
  }

  /** Every kind comes once before any comes again; about half come in pairs. */
  @Override
  public Round next() {
    if (deck.isEmpty()) {
      deck.addAll(kinds);
      Collections.shuffle(deck, random);
    }
    List<Kind> kinds = new ArrayList<>();
    Kind first = deck.remove(0);
    kinds.add(first);
    boolean paired = random.nextInt(4) > 0;
    for (Iterator<Kind> each = deck.iterator(); paired && kinds.size() == 1 && each.hasNext(); ) {
      Kind other = each.next();
      if (!first.clashesWith(other)) {
        each.remove();
        kinds.add(other);
      }
    }
    long spread = longest.minus(shortest).toMillis();
    Duration hold = shortest.plusMillis((long) (random.nextDouble() * spread));
    return new Round(++number, List.copyOf(kinds), hold, random.nextLong());
  }
}
