package dev.serai.workload;

import dev.serai.spiffe.Selector;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * Finds the items whose selectors a caller all has. Each item is filed under its rarest selector,
 * so a look-up touches few items however many there are.
 */
final class SelectorIndex<T> {
  private final Map<Selector, List<Filed<T>>> bySelector = new HashMap<>();

  private record Filed<T>(int position, Set<Selector> selectors, T item) {}

  SelectorIndex(List<T> items, Function<T, Set<Selector>> selectorsOf) {
    Map<Selector, Integer> frequency = new HashMap<>();
    for (T item : items) {
      selectorsOf.apply(item).forEach(s -> frequency.merge(s, 1, Integer::sum));
    }
    for (int i = 0; i < items.size(); i++) {
      Set<Selector> selectors = selectorsOf.apply(items.get(i));
      Filed<T> filed = new Filed<>(i, selectors, items.get(i));
      selectors.stream()
          .min(Comparator.comparing((Selector s) -> frequency.get(s)))
          .ifPresent(s -> bySelector.computeIfAbsent(s, k -> new ArrayList<>()).add(filed));
    }
  }

  /** In the order of the items. */
  List<T> matching(Set<Selector> caller) {
    List<Filed<T>> found = new ArrayList<>();
    for (Selector selector : caller) {
      for (Filed<T> filed : bySelector.getOrDefault(selector, List.of())) {
        if (caller.containsAll(filed.selectors())) {
          found.add(filed);
        }
      }
    }
    found.sort(Comparator.comparingInt(Filed::position));
    return found.stream().map(Filed::item).toList();
  }
}
