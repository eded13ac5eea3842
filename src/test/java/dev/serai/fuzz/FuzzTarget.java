package dev.serai.fuzz;

import dev.serai.agent.AgentFuzz;
import dev.serai.appraisal.EvidenceFuzz;
import dev.serai.claims.ClaimsFuzz;
import dev.serai.enrolment.EnrolmentFuzz;
import dev.serai.gate.GateFuzz;
import dev.serai.issuing.CsrFuzz;
import dev.serai.issuing.IssuerFuzz;
import dev.serai.watching.WatchFuzz;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * The fuzz targets: groups of parsers of foreign bytes. A class of the list has a {@code static
 * void fuzzerTestOneInput(byte[])} and a {@code static Map<String, byte[]> seeds()}; its corpus
 * lies in {@code src/test/resources/fuzz/<name>/}.
 */
public enum FuzzTarget {
  WIRE(WireFuzz.class),
  JSON(JsonFuzz.class),
  EVIDENCE(EvidenceFuzz.class),
  CERTIFICATES(CertificateFuzz.class),
  CSR(CsrFuzz.class),
  ENROLMENT(EnrolmentFuzz.class),
  ISSUER(IssuerFuzz.class),
  AGENT(AgentFuzz.class),
  WATCH(WatchFuzz.class),
  GATE(GateFuzz.class),
  TEXT(TextFuzz.class),
  FILES(FilesFuzz.class),
  EXTENSION(ClaimsFuzz.class);

  private final Class<?> type;

  FuzzTarget(Class<?> type) {
    this.type = type;
  }

  /** The class with the entry point. */
  public Class<?> type() {
    return type;
  }

  /** Directory of its corpus and name on the command line. */
  public String directory() {
    return name().toLowerCase(Locale.ROOT);
  }

  static Optional<FuzzTarget> named(String name) {
    return Arrays.stream(values()).filter(t -> t.directory().equals(name)).findFirst();
  }
}
