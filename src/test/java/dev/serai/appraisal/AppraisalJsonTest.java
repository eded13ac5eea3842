package dev.serai.appraisal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.location.LocationDocument;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.TpmClock;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AppraisalJsonTest {
  private static final Evidence EVIDENCE = Evidence.p256();

  @Test
  void a_request_survives_the_hop() throws Exception {
    AppraisalRequest request = EVIDENCE.request();
    assertThat(AppraisalJson.readRequest(AppraisalJson.write(request))).isEqualTo(request);
    AppraisalRequest used =
        new AppraisalRequest(
            Bytes.EMPTY, Bytes.EMPTY, ChallengeStanding.USED, Bytes.EMPTY, Evidence.SELECTION);
    assertThat(AppraisalJson.readRequest(AppraisalJson.write(used))).isEqualTo(used);
  }

  @Test
  void a_trusted_verdict_survives_the_hop_with_every_fact() throws Exception {
    Trusted sent = (Trusted) EVIDENCE.judge(new AppraisalSteps(Signatures.fastest()));
    Trusted received = (Trusted) AppraisalJson.readVerdict(AppraisalJson.write(sent));

    assertThat(received).usingRecursiveComparison().isEqualTo(sent);
    assertThat(received.state()).isEqualTo(sent.state());
    assertThat(received.appKey()).isEqualTo(sent.appKey());
    assertThat(received.baseline()).isEqualTo(sent.baseline());
  }

  @Test
  void a_location_survives_the_hop() throws Exception {
    Evidence evidence = Evidence.p256();
    evidence.location =
        Optional.of(
            LocationDocument.parse(
                Bytes.ofText(
                    "{\"sensor_id\":\"12d1:1433\",\"source\":\"modem\","
                        + "\"taken_at_ms\":1790000000123,\"type\":\"mobile\"}")));
    evidence.boundLocation = evidence.location;
    evidence.policy = TestLocations.policy("{\"need\":\"optional\"}");
    evidence.now = evidence.location.orElseThrow().reading().takenAt();
    Trusted sent = (Trusted) evidence.judge(new AppraisalSteps(Signatures.fastest()));
    Trusted received = (Trusted) AppraisalJson.readVerdict(AppraisalJson.write(sent));
    assertThat(received.location()).isEqualTo(sent.location());
    assertThat(received.location().orElseThrow().reading())
        .isEqualTo(evidence.location.orElseThrow().reading());
  }

  @Test
  void a_rejection_survives_the_hop() throws Exception {
    Rejected sent =
        new Rejected(
            "node",
            List.of(
                new Reason(ReasonCode.PCR_VALUE_NOT_ALLOWED, "sha256:7 is \"00\""),
                new Reason(ReasonCode.PCR_NOT_QUOTED, "sha256:9")));
    assertThat(AppraisalJson.readVerdict(AppraisalJson.write(sent))).isEqualTo(sent);
  }

  @Test
  void a_node_record_survives_the_hop() throws Exception {
    NodeRecord plain = EVIDENCE.node();
    assertThat(AppraisalJson.readNode(AppraisalJson.write(plain))).isEqualTo(plain);
    NodeRecord full =
        new NodeRecord(
            "n", plain.ek(), plain.ak(), NodeRecord.Standing.BANNED, "", 0, Optional.of("PEM"));
    assertThat(AppraisalJson.readNode(AppraisalJson.write(full))).isEqualTo(full);
  }

  /** Found by fuzzing: the number was cut to 32 bits, and a port of somebody else came out. */
  @ParameterizedTest
  @ValueSource(strings = {"-1", "65536", "4294967297", "18446744073709551617", "9002.0"})
  void a_port_that_is_none_is_malformed(String port) {
    String good = AppraisalJson.write(EVIDENCE.node());
    String bad = good.replace("\"port\":9002", "\"port\":" + port);
    assertThat(bad).isNotEqualTo(good);
    assertThatThrownBy(() -> AppraisalJson.readNode(bad))
        .isInstanceOf(MalformedStructureException.class);
  }

  @Test
  void a_baseline_survives_the_database() throws Exception {
    assertThat(AppraisalJson.readBaseline(AppraisalJson.write(Baseline.NONE)))
        .isEqualTo(Baseline.NONE);
    Baseline baseline =
        new Baseline(
            Map.of(TpmHash.SHA1, new TreeMap<>(Map.of(3, Bytes.ofHex("aa".repeat(20))))),
            Optional.of(new TpmClock(1L << 40, 0xffffffffL, 3, false)));
    assertThat(AppraisalJson.readBaseline(AppraisalJson.write(baseline))).isEqualTo(baseline);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[]",
        "{}",
        "{\"trusted\":\"true\"}",
        "{\"trusted\":true}",
        "{\"trusted\":false,\"node_id\":\"x\",\"reasons\":[]}",
        "{\"trusted\":false,\"node_id\":\"x\",\"reasons\":[{\"code\":\"NO\",\"detail\":\"\"}]}",
        "{\"trusted\":true,\"node_id\":\"x\",\"ek_name\":\"zz\",\"ak_name\":\"00\"}",
        "{\"trusted\":true} {\"trusted\":true}"
      })
  void an_answer_that_is_no_verdict_is_malformed(String text) {
    assertThatThrownBy(() -> AppraisalJson.readVerdict(text))
        .isInstanceOf(MalformedStructureException.class);
  }

  @Test
  void a_trusted_verdict_with_any_fact_missing_is_malformed() throws Exception {
    Trusted sent = (Trusted) EVIDENCE.judge(new AppraisalSteps(Signatures.fastest()));
    ObjectMapper mapper = new ObjectMapper();
    for (String field :
        List.of(
            "trusted",
            "node_id",
            "ek_name",
            "ak_name",
            "clock",
            "firmware_version",
            "pcrs",
            "policy",
            "baseline")) {
      var json = (ObjectNode) mapper.readTree(AppraisalJson.write(sent));
      json.remove(field);
      assertThatThrownBy(() -> AppraisalJson.readVerdict(json.toString()))
          .as(field)
          .isInstanceOf(MalformedStructureException.class);
    }
  }
}
