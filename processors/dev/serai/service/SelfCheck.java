package dev.serai.service;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.net.HttpURLConnection;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Whether this process can still do anything: what a restart would mend, and nothing else. A TPM, a
 * peer or a database that hangs is no part of it; those have states of their own and come back by
 * themselves.
 */
public final class SelfCheck {
  /** One question; the answer is what is wrong. */
  @FunctionalInterface
  public interface Question {
    Optional<String> trouble();
  }

  private final List<Question> questions = new ArrayList<>();

  /** Asked in the order they are added. */
  public SelfCheck ask(Question question) {
    questions.add(question);
    return this;
  }

  /** The first trouble; empty when the process lives. A question that fails is a trouble. */
  public Optional<String> trouble() {
    for (Question question : questions) {
      Optional<String> trouble;
      try {
        trouble = question.trouble();
      } catch (RuntimeException e) {
        trouble = Optional.of("a self-check failed: " + e);
      }
      if (trouble.isPresent()) {
        return trouble;
      }
    }
    return Optional.empty();
  }

  /** Threads that wait for each other for ever. */
  public static Question noDeadlock() {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    return () -> {
      long[] stuck = threads.findDeadlockedThreads();
      if (stuck == null) {
        return Optional.empty();
      }
      String names =
          Arrays.stream(threads.getThreadInfo(stuck))
              .filter(Objects::nonNull)
              .map(ThreadInfo::getThreadName)
              .collect(Collectors.joining(", "));
      return Optional.of("deadlock of " + names);
    };
  }

  /** A timer whose thread ended never fires again, and its route looks well. */
  public static Question timersLive(Supplier<Set<String>> wanted) {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    return () -> {
      Set<String> missing = new HashSet<>(wanted.get());
      if (missing.isEmpty()) {
        return Optional.empty();
      }
      for (ThreadInfo thread : threads.getThreadInfo(threads.getAllThreadIds())) {
        if (thread != null) {
          missing.removeIf(name -> thread.getThreadName().endsWith(name));
        }
      }
      return missing.isEmpty()
          ? Optional.empty()
          : Optional.of("no thread of " + String.join(", ", missing));
    };
  }

  /** A page that answers from memory. */
  public static Question answers(URI page, Duration patience) {
    int millis = (int) Math.max(1, patience.toMillis());
    return () -> {
      HttpURLConnection connection = null;
      try {
        connection = (HttpURLConnection) page.toURL().openConnection();
        connection.setConnectTimeout(millis);
        connection.setReadTimeout(millis);
        int status = connection.getResponseCode();
        return status == 200 ? Optional.empty() : Optional.of(page + " answers " + status);
      } catch (IOException e) {
        return Optional.of(page + " does not answer: " + e.getMessage());
      } finally {
        if (connection != null) {
          connection.disconnect();
        }
      }
    };
  }
}
