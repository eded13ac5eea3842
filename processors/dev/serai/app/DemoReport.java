package dev.serai.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.Supplier;

/** What the demo did, step by step: printed as it goes, written as report.json at the end. */
final class DemoReport {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
  private static final long NANOS_PER_MILLI = 1_000_000;

  private final PrintWriter out;
  private final List<Map<String, Object>> steps = new ArrayList<>();
  private final Map<String, String> node = new LinkedHashMap<>();
  private final Map<String, String> svid = new LinkedHashMap<>();

  DemoReport(PrintWriter out) {
    this.out = out;
  }

  /** Runs a step, and says how long it took and what came of it. */
  <T> T step(String name, String what, Callable<T> action) throws Exception {
    return step(name, () -> what, action);
  }

  private <T> T step(String name, Supplier<String> what, Callable<T> action) throws Exception {
    long begin = System.nanoTime();
    boolean ok = false;
    try {
      T result = action.call();
      ok = true;
      return result;
    } finally {
      long ms = (System.nanoTime() - begin) / NANOS_PER_MILLI;
      Map<String, Object> step = new LinkedHashMap<>();
      step.put("step", name);
      step.put("ok", ok);
      step.put("ms", ms);
      steps.add(step);
      out.printf("%s %-8s %6d ms  %s%n", ok ? "ok    " : "FAILED", name, ms, what.get());
      out.flush();
    }
  }

  /** The same; what came of it is told by the result. */
  <T> T step(String name, String what, Function<T, String> came, Callable<T> action)
      throws Exception {
    AtomicReference<String> told = new AtomicReference<>(what);
    return step(
        name,
        told::get,
        () -> {
          T result = action.call();
          told.set(what + ": " + came.apply(result));
          return result;
        });
  }

  /** A line that is no step. */
  void note(String text) {
    out.println("       " + text);
    out.flush();
  }

  void node(String id, String state) {
    node.put("id", id);
    node.put("state", state);
  }

  void svid(String id, String notAfter) {
    svid.put("id", id);
    svid.put("notAfter", notAfter);
  }

  void write(Path file) throws IOException {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("steps", steps);
    report.put("node", node);
    report.put("svid", svid);
    JSON.writeValue(file.toFile(), report);
  }
}
