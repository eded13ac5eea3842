package dev.serai;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** Dependencies point one way: app and cli, then capabilities, then the TPM interface and wire. */
class LayeringTest {
  private static final JavaClasses CODE =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .withImportOption(location -> !location.contains("dev/serai/proto/"))
          .importPackages("dev.serai");

  @Test
  void the_rules_below_see_the_product() {
    assertThat(CODE.size()).isGreaterThan(100);
    assertThat(CODE.containPackage("dev.serai.tpm.wire")).isTrue();
  }

  @Test
  void the_tpm_interface_and_its_specification_stand_alone() {
    classes()
        .that()
        .resideInAnyPackage("dev.serai.tpm", "dev.serai.tpm.spec")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage("dev.serai.tpm", "dev.serai.tpm.spec", "dev.serai.tpm.wire", "java..")
        .check(CODE);
  }

  @Test
  void the_wire_codec_needs_no_native_code_and_no_camel() {
    classes()
        .that()
        .resideInAPackage("dev.serai.tpm.wire")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "dev.serai.tpm", "dev.serai.tpm.spec", "dev.serai.tpm.wire", "java..", "javax.crypto..")
        .check(CODE);
  }

  @Test
  void the_tpm_source_root_knows_nothing_of_its_users() {
    noClasses()
        .that()
        .resideInAPackage("dev.serai.tpm..")
        .should()
        .dependOnClassesThat(
            com.tngtech.archunit.base.DescribedPredicate.describe(
                "of Serai outside the TPM layer",
                c ->
                    c.getPackageName().startsWith("dev.serai")
                        && !c.getPackageName().startsWith("dev.serai.tpm")))
        .check(CODE);
  }

  @Test
  void only_the_native_layer_uses_jna() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.serai.tpm.tss..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("com.sun.jna..")
        .check(CODE);
  }

  @Test
  void in_the_tpm_source_root_only_the_component_knows_camel() {
    noClasses()
        .that()
        .resideInAPackage("dev.serai.tpm..")
        .and()
        .resideOutsideOfPackage("dev.serai.tpm.camel..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.apache.camel..")
        .check(CODE);
  }

  @Test
  void only_the_agent_and_the_command_line_reach_the_native_layer() {
    noClasses()
        .that()
        .resideOutsideOfPackages(
            "dev.serai.tpm.tss..", "dev.serai.agent..", "dev.serai.cli..", "dev.serai.bench..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.serai.tpm.tss..")
        .check(CODE);
  }

  @Test
  void capabilities_do_not_know_the_application_or_the_command_line() {
    noClasses()
        .that()
        .resideOutsideOfPackages(
            "dev.serai.app..",
            "dev.serai.cli..",
            "dev.serai.management..",
            "dev.serai.dashboard..",
            "dev.serai.bench..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "dev.serai.app..", "dev.serai.cli..", "dev.serai.management..", "dev.serai.dashboard..")
        .check(CODE);
  }

  @Test
  void dashboard_and_flow_know_no_capability() {
    classes()
        .that()
        .resideInAnyPackage("dev.serai.flow..", "dev.serai.dashboard..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "dev.serai.flow..",
            "dev.serai.dashboard..",
            "dev.serai.role..",
            "dev.serai.reason..",
            "java..",
            "javax.management..",
            "org.apache.camel..",
            "org.slf4j..",
            "com.fasterxml.jackson..")
        .check(CODE);
  }

  @Test
  void location_knows_no_camel_no_network_and_no_role() {
    noClasses()
        .that()
        .resideInAPackage("dev.serai.location..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "org.apache.camel..",
            "io.netty..",
            "dev.serai.camara..",
            "dev.serai.sensor..",
            "dev.serai.gate..",
            "dev.serai.agent..",
            "dev.serai.issuing..",
            "dev.serai.watching..",
            "dev.serai.enrolment..",
            "dev.serai.app..",
            "dev.serai.cli..")
        .check(CODE);
    noClasses()
        .that()
        .resideInAPackage("dev.serai.location") // its readers speak to gpsd and the system's bus
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("java.net..", "dev.serai.location.sensor..")
        .check(CODE);
  }

  @Test
  void roles_do_not_know_each_other() {
    String[] issuer = {"dev.serai.issuing.."};
    String[] others = {
      "dev.serai.agent..", "dev.serai.enrolment..", "dev.serai.watching..", "dev.serai.workload.."
    };
    noClasses()
        .that()
        .resideInAnyPackage(issuer)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(others)
        .check(CODE);
    noClasses()
        .that()
        .resideInAnyPackage("dev.serai.sensor..", "dev.serai.camara..", "dev.serai.gate..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "dev.serai.issuing..",
            "dev.serai.agent..",
            "dev.serai.enrolment..",
            "dev.serai.watching..",
            "dev.serai.workload..")
        .check(CODE);
    noClasses()
        .that()
        .resideInAnyPackage("dev.serai.agent..", "dev.serai.workload..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.serai.issuing..", "dev.serai.enrolment..", "dev.serai.watching..")
        .check(CODE);
    noClasses()
        .that()
        .resideInAnyPackage("dev.serai.enrolment..", "dev.serai.watching..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.serai.issuing..", "dev.serai.agent..", "dev.serai.workload..")
        .check(CODE);
  }

  @Test
  void nothing_uses_internals_of_the_jdk_but_signals_which_it_keeps_open() {
    noClasses()
        .that()
        .resideInAPackage("dev.serai..")
        .and()
        .doNotHaveFullyQualifiedName("dev.serai.service.Signals")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("sun..", "jdk.internal..")
        .check(CODE);
    noClasses()
        .that()
        .haveFullyQualifiedName("dev.serai.service.Signals")
        .should()
        .dependOnClassesThat(
            com.tngtech.archunit.base.DescribedPredicate.describe(
                "of the JDK's inside but signals",
                c ->
                    c.getPackageName().startsWith("sun")
                        && !c.getName().startsWith("sun.misc.Signal")))
        .check(CODE);
  }

  @Test
  void the_service_package_knows_no_role_and_no_camel() {
    noClasses()
        .that()
        .resideInAPackage("dev.serai.service..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "org.apache.camel..",
            "dev.serai.app..",
            "dev.serai.agent..",
            "dev.serai.issuing..",
            "dev.serai.enrolment..",
            "dev.serai.watching..",
            "dev.serai.workload..")
        .check(CODE);
  }
}
