package dev.serai.issuing;

import dev.serai.proto.spire.types.FederatesWithMatch;
import dev.serai.proto.spire.types.SelectorMatch;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.Selector;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;

/** The set filters of list calls. */
final class SetMatch {
  private static final int EXACT = SelectorMatch.MatchBehavior.MATCH_EXACT_VALUE;
  private static final int SUBSET = SelectorMatch.MatchBehavior.MATCH_SUBSET_VALUE;
  private static final int SUPERSET = SelectorMatch.MatchBehavior.MATCH_SUPERSET_VALUE;
  private static final int ANY = SelectorMatch.MatchBehavior.MATCH_ANY_VALUE;

  private SetMatch() {}

  static boolean matches(SelectorMatch match, Set<Selector> actual) {
    Set<Selector> given = new HashSet<>();
    for (var selector : match.getSelectorsList()) {
      try {
        given.add(new Selector(selector.getType(), selector.getValue()));
      } catch (IllegalArgumentException e) {
        throw malformed("malformed filter: " + e.getMessage());
      }
    }
    return matches(match.getMatchValue(), given, actual);
  }

  static boolean matches(FederatesWithMatch match, Set<String> actual) {
    return matches(match.getMatchValue(), Set.copyOf(match.getTrustDomainsList()), actual);
  }

  private static <T> boolean matches(int behavior, Set<T> given, Set<T> actual) {
    if (given.isEmpty()) {
      throw malformed("malformed filter: the set to match is empty");
    }
    if (behavior == EXACT) {
      return actual.equals(given);
    }
    if (behavior == SUBSET) {
      return !actual.isEmpty() && given.containsAll(actual);
    }
    if (behavior == SUPERSET) {
      return actual.containsAll(given);
    }
    if (behavior == ANY) {
      return !Collections.disjoint(actual, given);
    }
    throw malformed("malformed filter: unknown match behavior");
  }

  private static RefusalException malformed(String detail) {
    return new RefusalException(ReasonCode.MALFORMED_REQUEST, detail);
  }
}
