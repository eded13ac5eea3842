package dev.serai.appraisal;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.constructors;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** Only a complete appraisal, or the verifier's answer over mTLS, is trust. */
class TrustIsMadeHereTest {
  private static final JavaClasses CODE =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages(
              "dev.serai.appraisal",
              "dev.serai.issuing",
              "dev.serai.watching",
              "dev.serai.enrolment",
              "dev.serai.agent",
              "dev.serai.app",
              "dev.serai.cli",
              "dev.serai.bench",
              "dev.serai.management");

  @Test
  void no_other_package_can_construct_trusted() {
    constructors().that().areDeclaredIn(Trusted.class).should().bePackagePrivate().check(CODE);
  }

  @Test
  void verdicts_are_read_from_json_by_the_issuer_alone() {
    methods()
        .that()
        .areDeclaredIn(AppraisalJson.class)
        .and()
        .haveName("readVerdict")
        .should()
        .bePublic()
        .check(CODE);
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.serai.issuing..")
        .should()
        .callMethod(AppraisalJson.class, "readVerdict", String.class)
        .check(CODE);
  }

  @Test
  void the_cores_have_no_clock_no_network_and_no_files() {
    noClasses()
        .that()
        .haveSimpleName("QuoteVerifier")
        .or()
        .haveSimpleName("CertifyVerifier")
        .or()
        .haveSimpleName("CsrVerifier")
        .or()
        .haveSimpleName("AppraisalSteps")
        .or()
        .haveSimpleName("Appraisal")
        .or()
        .haveSimpleName("PcrPolicy")
        .or()
        .haveSimpleName("ClockPolicy")
        .or()
        .haveSimpleName("KeylimeQuoteAppraiser")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "java.time..", "java.net..", "java.nio.file..", "org.slf4j..", "org.apache.camel..")
        .check(CODE);
  }
}
