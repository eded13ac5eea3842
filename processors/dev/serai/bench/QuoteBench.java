package dev.serai.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.tss.BareQuote;
import dev.serai.tpm.tss.TctiChoice;
import dev.serai.tpm.tss.TpmOptions;
import dev.serai.tpm.tss.TssTpm;
import dev.serai.tpm.wire.PcrSelection;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * What a quote costs through Serai's TPM layer, as a bare ESYS call, and by spawning tpm2_quote:
 * medians of one run in which the three take turns.
 *
 * <p>Without a TCTI it starts a software TPM of its own, uses it and ends it.
 */
public final class QuoteBench {
  private static final PcrSelection PCRS =
      PcrSelection.of(TpmHash.SHA256, 0, 1, 2, 3, 4, 5, 6, 7, 10, 16);
  private static final Bytes NONCE = Bytes.ofHex("5a".repeat(32));
  private static final String TOOL_KEY = "0x81018a7e";
  private static final int WARM_UP = 300;
  private static final int ROUNDS = 600;
  private static final int SPAWN_EVERY = 15;

  private QuoteBench() {}

  /** On a software TPM made for it. One line of JSON. */
  public static String run() {
    return withSoftwareTpm(tcti -> run(tcti, WARM_UP, ROUNDS));
  }

  /**
   * On this TCTI. A hardware TPM is given few rounds.
   *
   * @param warmUp rounds that do not count
   */
  public static String run(String tcti, int warmUp, int rounds) {
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("bench", "quote");
    figures.put("rounds", rounds);
    figures.put("pcrs", PCRS.count());
    figures.putAll(measure(tcti, KeyRef.Attestation.ECDSA_P256, "ecdsa_p256_", warmUp, rounds));
    figures.putAll(
        measure(tcti, KeyRef.Attestation.RSASSA_2048, "rsassa_2048_", warmUp / 4, rounds / 4));
    try {
      return new ObjectMapper().writeValueAsString(figures);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Map<String, Object> measure(
      String tcti, KeyRef.Attestation ak, String prefix, int warmUp, int rounds) {
    TpmOptions options = TpmOptions.defaults().withTcti(tcti).withAllowSoftware(true);
    TctiChoice choice =
        TctiChoice.choose(options.tcti(), options.allowSoftware(), options.machine());
    Optional<Tool> tool = choice.kind().software() ? Tool.prepare(tcti, ak) : Optional.empty();
    List<Long> serai = new ArrayList<>();
    List<Long> esys = new ArrayList<>();
    List<Long> spawned = new ArrayList<>();
    try (Tpm tpm = TssTpm.open(options);
        BareQuote bare = BareQuote.open(choice, ak, PCRS, NONCE)) {
      for (int round = -warmUp; round < rounds; round++) {
        boolean counts = round >= 0;
        // Turns change places, so that what one leaves behind does not always meet the same next.
        if (round % 2 == 0) {
          time(() -> tpm.quote(ak, PCRS, NONCE), counts, serai);
          time(bare::quote, counts, esys);
        } else {
          time(bare::quote, counts, esys);
          time(() -> tpm.quote(ak, PCRS, NONCE), counts, serai);
        }
        if (counts && round % SPAWN_EVERY == 0) {
          tool.ifPresent(program -> time(program::quote, true, spawned));
        }
      }
    } finally {
      tool.ifPresent(Tool::close);
    }
    Map<String, Object> figures = new LinkedHashMap<>();
    double through = median(serai);
    figures.put(prefix + "serai_us", through);
    figures.put(prefix + "esys_us", median(esys));
    figures.put(prefix + "serai_to_esys", round2(through / median(esys)));
    if (!spawned.isEmpty()) {
      figures.put(prefix + "tpm2_quote_us", median(spawned));
      figures.put(prefix + "tpm2_quote_to_serai", round2(median(spawned) / through));
    }
    return figures;
  }

  private static void time(Runnable quote, boolean counts, List<Long> times) {
    long began = System.nanoTime();
    quote.run();
    long took = System.nanoTime() - began;
    if (counts) {
      times.add(took);
    }
  }

  /** In microseconds. */
  private static double median(List<Long> nanos) {
    long[] sorted = nanos.stream().mapToLong(Long::longValue).sorted().toArray();
    return Math.round(sorted[sorted.length / 2] / 100.0) / 10.0;
  }

  private static double round2(double value) {
    return Math.round(value * 100) / 100.0;
  }

  /** tpm2_quote with a persistent key of the same kind, so that it loads nothing. */
  private record Tool(String tcti, KeyRef.Attestation ak) {
    static Optional<Tool> prepare(String tcti, KeyRef.Attestation ak) {
      Tool tool = new Tool(tcti, ak);
      String scheme =
          ak == KeyRef.Attestation.ECDSA_P256
              ? "ecc256:ecdsa-sha256:null"
              : "rsa2048:rsassa-sha256:null";
      Path key = null;
      try {
        key = Files.createTempFile("serai-bench", ".ctx");
        tool.run(
            List.of(
                "tpm2_createprimary",
                "-Q",
                "-C",
                "e",
                "-G",
                scheme,
                "-a",
                "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|sign",
                "-c",
                key.toString()));
        tool.run(List.of("tpm2_flushcontext", "-t"));
        tool.run(List.of("tpm2_evictcontrol", "-Q", "-C", "o", "-c", key.toString(), TOOL_KEY));
        tool.run(List.of("tpm2_flushcontext", "-t"));
        return Optional.of(tool);
      } catch (UncheckedIOException | IOException e) {
        return Optional.empty(); // tpm2-tools are not installed: no figure for them
      } finally {
        if (key != null) {
          delete(key);
        }
      }
    }

    void quote() {
      run(
          List.of(
              "tpm2_quote",
              "-Q",
              "-c",
              TOOL_KEY,
              "-l",
              PCRS.toString(),
              "-q",
              NONCE.toHex(),
              "-m",
              "/dev/null",
              "-s",
              "/dev/null"));
    }

    void close() {
      run(List.of("tpm2_evictcontrol", "-Q", "-C", "o", "-c", TOOL_KEY));
    }

    private void run(List<String> command) {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD);
      builder.environment().put("TPM2TOOLS_TCTI", tcti);
      try {
        int code = builder.start().waitFor();
        if (code != 0) {
          throw new IllegalStateException(command + " exits with " + code);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException(e);
      }
    }
  }

  private interface Measurement {
    String on(String tcti);
  }

  private static String withSoftwareTpm(Measurement measurement) {
    Path directory;
    Process swtpm;
    try {
      directory = Files.createTempDirectory("serai-bench");
      Path socket = directory.resolve("s");
      swtpm =
          new ProcessBuilder(
                  Arrays.asList(
                      "swtpm",
                      "socket",
                      "--tpm2",
                      "--tpmstate",
                      "dir=" + directory,
                      "--server",
                      "type=unixio,path=" + socket,
                      "--ctrl",
                      "type=unixio,path=" + socket + ".ctrl",
                      "--flags",
                      "not-need-init,startup-clear"))
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
    } catch (IOException e) {
      throw new RefusalException(
          ReasonCode.TPM_NO_DEVICE, "swtpm is not installed (./serai setup installs it)", e);
    }
    try {
      String tcti = "swtpm:path=" + directory.resolve("s");
      awaitTpm(tcti, swtpm);
      return measurement.on(tcti);
    } finally {
      swtpm.destroyForcibly();
      deleteAll(directory);
    }
  }

  private static void awaitTpm(String tcti, Process swtpm) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    TpmOptions options = TpmOptions.defaults().withTcti(tcti).withAllowSoftware(true);
    while (true) {
      try (Tpm tpm = TssTpm.open(options)) {
        tpm.random(1);
        return;
      } catch (dev.serai.tpm.TpmException e) {
        if (System.nanoTime() > deadline || !swtpm.isAlive()) {
          throw e;
        }
        Thread.onSpinWait();
      }
    }
  }

  private static void deleteAll(Path directory) {
    try (Stream<Path> files = Files.walk(directory)) {
      files.sorted(Comparator.reverseOrder()).forEach(QuoteBench::delete);
    } catch (IOException e) {
      return; // a temporary directory left behind
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      return; // a temporary file left behind
    }
  }
}
