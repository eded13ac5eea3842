package dev.serai.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.AccessTarget.CodeUnitCallTarget;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A parser of foreign bytes has a fuzz target. What parses is told by what it calls or says that it
 * throws; whether a target gets there, by following calls.
 */
@Tag("slow")
class FuzzReachTest {
  private static final JavaClasses CODE =
      new ClassFileImporter()
          .withImportOption(location -> !location.contains("dev/serai/proto/"))
          .importPackages("dev.serai");

  private static final Set<String> MALFORMED =
      Set.of(
          "dev.serai.tpm.wire.MalformedStructureException",
          "dev.serai.issuing.MalformedDerException");

  /** Library calls that make something of bytes or text. */
  private static final Set<String> DECODERS =
      Set.of(
          "com.fasterxml.jackson.databind.ObjectMapper.readTree",
          "com.fasterxml.jackson.databind.ObjectMapper.readValue",
          "com.fasterxml.jackson.databind.ObjectReader.readTree",
          "com.fasterxml.jackson.databind.ObjectReader.readValue",
          "com.google.protobuf.Any.unpack",
          "com.nimbusds.jose.JWSHeader.parse",
          "com.nimbusds.jose.JWSObject.parse",
          "com.nimbusds.jose.jwk.JWK.parse",
          "com.nimbusds.jose.jwk.JWKSet.parse",
          "io.grpc.protobuf.StatusProto.fromThrowable",
          "java.security.cert.CertificateFactory.generateCertificate",
          "java.security.cert.CertificateFactory.generateCertificates",
          "java.security.spec.X509EncodedKeySpec.<init>",
          "java.security.spec.PKCS8EncodedKeySpec.<init>",
          "java.util.Base64$Decoder.decode",
          "java.util.HexFormat.parseHex",
          "java.util.Properties.load",
          "org.bouncycastle.pkcs.PKCS10CertificationRequest.<init>");

  /** What parses something that no stranger wrote, and who did. */
  private static final Map<String, String> OWN =
      Map.ofEntries(
          Map.entry("dev.serai.bench.", "what the benchmarks recorded or made"),
          Map.entry("dev.serai.cli.BenchCommand", "the figures of our own benchmark"),
          Map.entry("dev.serai.cli.FlowCommands", "our own dashboard's data, behind its login"),
          Map.entry("dev.serai.cli.ReloadCommand", "our own process's answer at its own socket"),
          Map.entry("dev.serai.cli.HealthCommand", "our own health page; a person sees the error"),
          Map.entry(
              "dev.serai.cli.SvidDump", "a file that the user names; a person sees the error"),
          Map.entry("dev.serai.cli.BundleDocument", "keys that the issuer itself made"),
          Map.entry("dev.serai.app.DemoCommand", "output of our own command"),
          Map.entry("dev.serai.app.DemoQuestions", "answers of the roles that the demo started"),
          Map.entry("dev.serai.signing.", "keys that JCA encoded, and known answers"),
          Map.entry("dev.serai.agent.RequestSvidsProcessor", "a request of our own"),
          Map.entry("dev.serai.issuing.KeyFiles", "a key file of the issuer's own, 0600"),
          Map.entry("dev.serai.watching.EvidenceClaims", "claims that were written a line before"),
          Map.entry("dev.serai.sensor.EndorsementKeys", "key files of the role's own, 0600"),
          Map.entry("dev.serai.camara.OperatorTrust", "a file of this machine's administrator"),
          Map.entry("dev.serai.issuing.EntryStore", "rows of our own database"),
          Map.entry("dev.serai.issuing.NodeStore", "rows of our own database"),
          Map.entry("dev.serai.issuing.IssuingKernel", "a message that the benchmark made"),
          Map.entry("dev.serai.tpm.tss.", "what our own TPM and libtss2 answer"));

  private static boolean isTest(JavaClass type) {
    return type.getSource()
        .map(source -> source.getUri().toString().contains("/test-classes/"))
        .orElse(false);
  }

  private static Set<JavaCodeUnit> reached() {
    Deque<JavaCodeUnit> open = new ArrayDeque<>();
    Arrays.stream(FuzzTarget.values())
        .map(target -> CODE.get(target.type()))
        .flatMap(type -> type.getCodeUnits().stream())
        .filter(unit -> !unit.getName().equals("seeds"))
        .forEach(open::add);
    Set<JavaCodeUnit> reached = new HashSet<>(open);
    while (!open.isEmpty()) {
      JavaCodeUnit unit = open.remove();
      Stream.concat(
              unit.getCallsFromSelf().stream()
                  .map(call -> (CodeUnitCallTarget) call.getTarget())
                  .flatMap(target -> target.resolveMember().stream()),
              unit.getCodeUnitReferencesFromSelf().stream()
                  .flatMap(reference -> reference.getTarget().resolveMember().stream()))
          .filter(JavaCodeUnit.class::isInstance)
          .map(JavaCodeUnit.class::cast)
          .filter(called -> called.getOwner().getPackageName().startsWith("dev.serai"))
          .filter(reached::add)
          .forEach(open::add);
    }
    return reached;
  }

  private static boolean parses(JavaCodeUnit unit) {
    boolean says =
        unit instanceof JavaMethod
            && unit.getExceptionTypes().stream().anyMatch(e -> MALFORMED.contains(e.getName()));
    return says || Stream.concat(calls(unit), references(unit)).anyMatch(FuzzReachTest::decodes);
  }

  private static Stream<String> calls(JavaCodeUnit unit) {
    return unit.getCallsFromSelf().stream()
        .map(call -> call.getTarget().getOwner().getName() + "." + call.getTarget().getName());
  }

  private static Stream<String> references(JavaCodeUnit unit) {
    return unit.getCodeUnitReferencesFromSelf().stream()
        .map(r -> r.getTarget().getOwner().getName() + "." + r.getTarget().getName());
  }

  private static boolean decodes(String call) {
    return DECODERS.contains(call)
        || (call.startsWith("dev.serai.proto.") && call.endsWith(".parseFrom"));
  }

  private static Set<JavaCodeUnit> parsers() {
    return CODE.stream()
        .filter(type -> !isTest(type))
        .filter(type -> !type.isInterface() || !type.getName().contains("$"))
        .flatMap(type -> type.getCodeUnits().stream())
        .filter(FuzzReachTest::parses)
        .collect(Collectors.toSet());
  }

  @Test
  void every_parser_of_foreign_bytes_is_reached_by_a_fuzz_target() {
    Set<JavaCodeUnit> reached = reached();
    Set<String> missed = new TreeSet<>();
    for (JavaCodeUnit parser : parsers()) {
      boolean own = OWN.keySet().stream().anyMatch(parser.getFullName()::startsWith);
      if (!own && !reached.contains(parser)) {
        missed.add(parser.getFullName());
      }
    }
    assertThat(missed)
        .as("parsers without a fuzz target; the README says how to add one")
        .isEmpty();
  }

  @Test
  void the_rule_sees_the_parsers_and_its_exceptions_exist() {
    List<String> parsers = parsers().stream().map(JavaCodeUnit::getFullName).toList();
    assertThat(parsers)
        .anyMatch(name -> name.startsWith("dev.serai.tpm.wire.TpmsAttest.parse("))
        .anyMatch(name -> name.startsWith("dev.serai.issuing.CertificateRequest.parse("))
        .anyMatch(name -> name.startsWith("dev.serai.appraisal.ClaimedEvidence.parse("))
        .anyMatch(name -> name.startsWith("dev.serai.enrolment.EkCertificates.certificate("));
    Set<String> unused = new TreeSet<>(OWN.keySet());
    unused.removeIf(own -> parsers.stream().anyMatch(name -> name.startsWith(own)));
    assertThat(unused).as("exceptions for nothing").isEmpty();
  }
}
