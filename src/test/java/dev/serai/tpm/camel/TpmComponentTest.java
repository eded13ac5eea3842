package dev.serai.tpm.camel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.testing.SwTpm;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmClock;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import dev.serai.tpm.TpmProperties;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.tss.TpmOptions;
import dev.serai.tpm.tss.TssTpm;
import dev.serai.tpm.wire.CredentialBlob;
import dev.serai.tpm.wire.MakeCredential;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmsAttest;
import dev.serai.tpm.wire.TpmtPublic;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelExecutionException;
import org.apache.camel.FailedToStartRouteException;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.spi.Resource;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** YAML routes with tpm: steps on a software TPM. */
class TpmComponentTest {
  private static final Bytes NONCE = Bytes.ofHex("42".repeat(32));
  private static final Bytes DIGEST = Bytes.ofHex("11".repeat(32));

  private SwTpm software;
  private Tpm tpm;
  private CamelContext camel;
  private ProducerTemplate template;

  @BeforeEach
  void start() throws Exception {
    software = SwTpm.provisioned();
    tpm = TssTpm.open(TpmOptions.defaults().withTcti(software.tcti()).withAllowSoftware(true));
    camel = new DefaultCamelContext();
    camel.getRegistry().bind(TpmComponent.TPM_BEAN, tpm);
    for (TpmOperation operation : TpmOperation.values()) {
      load(route(operation.name().toLowerCase(java.util.Locale.ROOT).replace("_", "")));
    }
    camel.start();
    template = camel.createProducerTemplate();
  }

  @AfterEach
  void end() {
    camel.stop();
    tpm.close();
    software.close();
  }

  private static String route(String operation) {
    return """
    - route:
        id: ask-%1$s
        from:
          uri: direct:%1$s
          steps:
            - to:
                id: to-tpm-%1$s
                uri: tpm:%1$s
    """
        .formatted(operation);
  }

  private void load(String yaml) throws Exception {
    Resource resource =
        ResourceHelper.fromString("routes-%d.yaml".formatted(yaml.hashCode()), yaml);
    PluginHelper.getRoutesLoader(camel).loadRoutes(resource);
  }

  private <T> T ask(String operation, Object body, Class<T> type) {
    return template.requestBody("direct:" + operation, body, type);
  }

  @Test
  void a_route_enrols_certifies_and_quotes() throws Exception {
    KeyRef.Attestation ak = KeyRef.Attestation.ECDSA_P256;
    KeyRef.Endorsement ek = KeyRef.Endorsement.ECC_P256;
    TpmtPublic endorsement = ask("publicarea", new TpmRequest.PublicArea(ek), TpmtPublic.class);
    TpmtPublic attestation = ask("publicarea", new TpmRequest.PublicArea(ak), TpmtPublic.class);
    assertThat(ask("ekcertificates", new TpmRequest.EndorsementCertificates(ek), List.class))
        .hasSize(2);
    CredentialBlob blob =
        MakeCredential.make(endorsement, attestation.name(), DIGEST, new SecureRandom());
    assertThat(ask("activate", new TpmRequest.Activate(ak, ek, blob), Bytes.class))
        .isEqualTo(DIGEST);
    KeyRef.App app =
        ask("createkey", new TpmRequest.CreateKey(Tpm.AppKeyType.ECC_P256), KeyRef.App.class);
    Tpm.Attested certified =
        ask("certify", new TpmRequest.Certify(app, ak, NONCE), Tpm.Attested.class);
    assertThat(TpmsAttest.parse(certified.attest()).extraData()).isEqualTo(NONCE);
    assertThat(
            ask("sign", new TpmRequest.Sign(app, Tpm.SignScheme.ECDSA_SHA256, DIGEST), Bytes.class))
        .isNotNull();
    Tpm.Attested quoted =
        ask(
            "quote",
            new TpmRequest.Quote(ak, PcrSelection.of(TpmHash.SHA256, 0, 16), NONCE),
            Tpm.Attested.class);
    assertThat(TpmsAttest.parse(quoted.attest()).extraData()).isEqualTo(NONCE);
  }

  @Test
  void a_route_reads_what_the_tpm_says() {
    PcrSelection selection = PcrSelection.of(TpmHash.SHA256, 16);
    ask("pcrextend", new TpmRequest.ExtendPcr(16, TpmHash.SHA256, DIGEST), Object.class);
    assertThat(ask("pcrread", new TpmRequest.ReadPcrs(selection), Map.class)).hasSize(1);
    assertThat(ask("random", new TpmRequest.Random(20), Bytes.class).size()).isEqualTo(20);
    assertThat(ask("properties", "any", TpmProperties.class).manufacturer()).isEqualTo("IBM");
    assertThat(ask("clock", "any", TpmClock.class).clockMillis()).isPositive();
    assertThat(ask("nvread", new TpmRequest.ReadNv(0x01c0000a), Bytes.class).at(0)).isEqualTo(0x30);
  }

  @Test
  void the_request_of_another_operation_is_refused() {
    assertThatThrownBy(() -> ask("quote", new TpmRequest.Random(20), Tpm.Attested.class))
        .isInstanceOf(CamelExecutionException.class)
        .hasCauseInstanceOf(InvalidPayloadException.class);
    assertThatThrownBy(() -> ask("sign", "bytes of the caller", Bytes.class))
        .hasCauseInstanceOf(InvalidPayloadException.class);
  }

  @Test
  void a_tpm_that_is_gone_fails_the_exchange_with_its_fault() {
    software.kill();
    assertThatThrownBy(() -> ask("random", new TpmRequest.Random(20), Bytes.class))
        .cause()
        .isInstanceOfSatisfying(
            TpmException.class, e -> assertThat(e.fault()).isEqualTo(Fault.UNAVAILABLE));
  }

  @Test
  void an_unknown_operation_and_a_missing_tpm_do_not_start() throws Exception {
    assertThatThrownBy(() -> load(route("format"))).hasStackTraceContaining("is not one of quote");
    try (CamelContext empty = new DefaultCamelContext()) {
      Resource resource = ResourceHelper.fromString("routes-x.yaml", route("quote"));
      PluginHelper.getRoutesLoader(empty).loadRoutes(resource);
      assertThatThrownBy(empty::start)
          .isInstanceOf(FailedToStartRouteException.class)
          .hasStackTraceContaining("No bean could be found in the registry for: tpm");
    }
  }
}
