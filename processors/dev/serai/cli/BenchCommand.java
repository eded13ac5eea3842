package dev.serai.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.lang.reflect.InvocationTargetException;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Runs one benchmark; each prints one line of figures. */
@Command(description = "Measures; one JSON line of figures.", mixinStandardHelpOptions = true)
final class BenchCommand implements Callable<Integer> {
  /** Name to class, so that a benchmark's classes are loaded only when it runs. */
  private static final Map<String, String> BENCHES =
      Map.ofEntries(
          Map.entry("appraisal", "dev.serai.bench.AppraisalBench"),
          Map.entry("audit", "dev.serai.bench.AuditBench"),
          Map.entry("providers", "dev.serai.bench.IssuingProviderBench"),
          Map.entry("quote", "dev.serai.bench.QuoteBench"),
          Map.entry("gate", "dev.serai.bench.GateBench"),
          Map.entry("issuing", "dev.serai.bench.IssuingBench"),
          Map.entry("workload", "dev.serai.bench.WorkloadBench"),
          Map.entry("flow", "dev.serai.bench.FlowBench"),
          Map.entry("dead-node", "dev.serai.bench.DeadNodeBench"),
          Map.entry("streams", "dev.serai.bench.StreamsBench"),
          Map.entry("recorder", "dev.serai.bench.RecorderBench"),
          Map.entry("recovery", "dev.serai.bench.RecoveryBench"),
          Map.entry("sovereign", "dev.serai.bench.SovereignBench"),
          Map.entry("soak", "dev.serai.bench.SoakBench"),
          Map.entry("start", "dev.serai.bench.StartBench"));

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "NAME",
      description =
          "appraisal, audit, gate, providers, quote, issuing, workload, flow, dead-node, streams,"
              + " recorder, recovery, soak, sovereign or start")
  private String name;

  @Option(names = "--json", description = "one line of JSON")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    String type = BENCHES.get(name.toLowerCase(Locale.ROOT));
    if (type == null) {
      throw new ParameterException(spec.commandLine(), "no benchmark " + name);
    }
    try {
      String figures = (String) Class.forName(type).getMethod("run").invoke(null);
      Output.out(spec).print(json ? figures.strip() + "\n" : Output.facts(read(figures)));
      Output.out(spec).flush();
      return 0;
    } catch (ClassNotFoundException e) {
      throw new RefusalException(
          ReasonCode.UNKNOWN_OPERATION, "this build has no benchmark " + name, e);
    } catch (InvocationTargetException e) {
      throw e.getCause() instanceof Exception cause ? cause : e;
    }
  }

  private static Map<String, ?> read(String figures) throws JsonProcessingException {
    return new ObjectMapper().readValue(figures, new TypeReference<Map<String, Object>>() {});
  }
}
