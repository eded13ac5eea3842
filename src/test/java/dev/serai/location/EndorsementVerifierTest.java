package dev.serai.location;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whom a relying side believes; and the bytes that Python's peers sign and check. */
class EndorsementVerifierTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Instant NOW = Instant.parse("2026-11-24T12:00:00.123456Z");
  private static final String NONCE = "8c2f0be10af65a7c";
  private static final KeyPair KEY = pair();
  private static final EndorsementKeySet KEYS = keys("k1", KEY, NOW.minusSeconds(60));

  private static KeyPair pair() {
    try {
      return KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static EndorsementKeySet keys(String id, KeyPair pair, Instant from) {
    return new EndorsementKeySet(
        List.of(new EndorsementKeySet.Key(id, pair.getPublic(), from, from.plusSeconds(86_400))));
  }

  private static Endorsement good() {
    return new Endorsement("", "ab12", true, 40.33, -3.77, 500, NOW.minusSeconds(5), NONCE);
  }

  private static Bytes signature(KeyPair pair, Bytes text) {
    try {
      Signature signature = Signature.getInstance("Ed25519");
      signature.initSign(pair.getPrivate());
      signature.update(text.toArray());
      return Bytes.copyOf(signature.sign());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static SignedEndorsement signed(Endorsement endorsement) {
    return new SignedEndorsement(
        endorsement.signedBytes(), signature(KEY, endorsement.signedBytes()), "k1");
  }

  private static EndorsementVerifier.Judgement judge(SignedEndorsement signed, String hash) {
    return EndorsementVerifier.verify(
        signed,
        KEYS,
        new EndorsementVerifier.Expected(
            NONCE, Duration.ofMinutes(2), Optional.of(hash).filter(h -> !h.isEmpty())),
        NOW);
  }

  private static void refuted(SignedEndorsement signed, ReasonCode code) {
    assertThat(judge(signed, ""))
        .isInstanceOfSatisfying(
            EndorsementVerifier.Refuted.class,
            no -> assertThat(no.reason().code()).isEqualTo(code));
  }

  @Test
  void a_good_endorsement_is_believed_also_when_it_was_written_anew_on_its_way() throws Exception {
    Endorsement good = good();
    String answer = Endorsement.answer(good, signature(KEY, good.signedBytes()), "k1");
    String reformatted =
        JSON.writerWithDefaultPrettyPrinter().writeValueAsString(JSON.readTree(answer));
    SignedEndorsement parsed = SignedEndorsement.parse(Bytes.ofText(reformatted));
    assertThat(judge(parsed, "ab12"))
        .isInstanceOfSatisfying(
            EndorsementVerifier.Believed.class,
            yes -> assertThat(yes.endorsement()).isEqualTo(good));
  }

  @Test
  void n34_a_forged_endorsement_is_refuted() {
    SignedEndorsement good = signed(good());
    byte[] text = good.text().toArray();
    for (int i = 0; i < text.length; i++) {
      byte[] altered = text.clone();
      altered[i] ^= 1;
      refuted(
          new SignedEndorsement(Bytes.copyOf(altered), good.signature(), "k1"),
          ReasonCode.ENDORSEMENT_SIGNATURE_INVALID);
    }
    refuted(
        new SignedEndorsement(good.text(), signature(pair(), good.text()), "k1"),
        ReasonCode.ENDORSEMENT_SIGNATURE_INVALID);
    refuted(
        new SignedEndorsement(good.text(), good.signature(), "k2"),
        ReasonCode.ENDORSEMENT_KEY_UNKNOWN);
    refuted(
        new SignedEndorsement(good.text(), Bytes.EMPTY, "k1"),
        ReasonCode.ENDORSEMENT_SIGNATURE_INVALID);
  }

  @Test
  void n34_a_replayed_or_foreign_endorsement_is_refuted() {
    Endorsement good = good();
    refuted(
        signed(new Endorsement("", "ab12", true, 1, 1, 5, good.at(), "another-nonce-01")),
        ReasonCode.ENDORSEMENT_NONCE_MISMATCH);
    refuted(
        signed(new Endorsement("", "ab12", true, 1, 1, 5, NOW.plusSeconds(31), NONCE)),
        ReasonCode.ENDORSEMENT_STALE);
    refuted(
        signed(new Endorsement("", "ab12", false, 1, 1, 5, good.at(), NONCE)),
        ReasonCode.ENDORSEMENT_OF_OTHER_DEVICE);
    assertThat(judge(signed(good), "cd34"))
        .isInstanceOfSatisfying(
            EndorsementVerifier.Refuted.class,
            no -> assertThat(no.reason().code()).isEqualTo(ReasonCode.ENDORSEMENT_OF_OTHER_DEVICE));
    EndorsementKeySet old = keys("k1", KEY, NOW.minusSeconds(3600));
    assertThat(
            EndorsementVerifier.verify(
                signed(new Endorsement("", "ab12", true, 1, 1, 5, NOW.minusSeconds(121), NONCE)),
                old,
                new EndorsementVerifier.Expected(NONCE, Duration.ofMinutes(2), Optional.empty()),
                NOW))
        .isInstanceOfSatisfying(
            EndorsementVerifier.Refuted.class,
            no -> assertThat(no.reason().code()).isEqualTo(ReasonCode.ENDORSEMENT_STALE));
    refuted(
        signed(new Endorsement("", "ab12", true, 1, 1, 5, NOW.minusSeconds(100), NONCE)),
        ReasonCode.ENDORSEMENT_KEY_UNKNOWN); // from before the key was made
  }

  @Test
  void n34_what_is_signed_and_no_endorsement_is_refuted() {
    for (String text : List.of("{}", "[]", "null", "{\"nonce\": \"" + NONCE + "\"}")) {
      Bytes bytes = Bytes.ofText(text);
      refuted(
          new SignedEndorsement(bytes, signature(KEY, bytes), "k1"),
          ReasonCode.ENDORSEMENT_MALFORMED);
    }
  }

  @Test
  void the_key_set_is_read_as_it_was_written() throws Exception {
    EndorsementKeySet read = EndorsementKeySet.parse(KEYS.json());
    assertThat(read.keys()).isEqualTo(KEYS.keys());
    assertThat(JSON.readTree(KEYS.json().toText()).path("keys").get(0).fieldNames())
        .toIterable()
        .containsExactly(
            "key_id", "algorithm", "public_key", "public_key_pem", "valid_from", "valid_until");
    assertThatThrownBy(() -> EndorsementKeySet.parse(Bytes.ofText("{\"keys\":5}")))
        .isInstanceOf(MalformedStructureException.class);
  }

  /** Python 3: json.dumps(endorsement, sort_keys=True). */
  @Test
  void the_signed_bytes_are_pythons() {
    assertThat(good().signedBytes().toText())
        .isEqualTo(
            "{\"coarse_location\": {\"accuracy_meters\": 500.0, \"latitude\": 40.33,"
                + " \"longitude\": -3.77}, \"device_id_hash\": \"ab12\","
                + " \"imei_imsi_binding_valid\": true, \"nonce\": \"8c2f0be10af65a7c\","
                + " \"timestamp\": \"2026-11-24T11:59:55.123456+00:00\", \"tower_id\": \"\"}");
  }

  /** Python 3: json.dumps(number). */
  @ParameterizedTest
  @CsvSource({
    "40.33, 40.33",
    "7, 7.0",
    "-3.7707, -3.7707",
    "0.00001, 1e-05",
    "0.0001, 0.0001",
    "1e16, 1e+16",
    "123456789012345.6, 123456789012345.6",
    "9007199254740993, 9007199254740992.0",
    "0.002, 0.002",
    "1e22, 1e+22",
    "4.9e-324, 5e-324",
    "1.7976931348623157e308, 1.7976931348623157e+308",
    "0.30000000000000004, 0.30000000000000004",
    "100, 100.0",
    "-0.0, -0.0"
  })
  void numbers_are_written_as_python_writes_them(double number, String text) {
    assertThat(PythonJson.number(number)).isEqualTo(text);
  }

  @Test
  void texts_and_trees_are_written_as_python_writes_them() throws Exception {
    String json =
        "{\"tower_id\":\"\u00e9\u2028\ud83d\ude00\\\"\\\\\\n\u007f\","
            + "\"b\":{\"z\":[1,2.5,null,true],\"a\":100000000000000000000}}";
    assertThat(PythonJson.write(JSON.readTree(json)))
        .isEqualTo(
            "{\"b\": {\"a\": 100000000000000000000, \"z\": [1, 2.5, null, true]}, \"tower_id\":"
                + " \"\\u00e9\\u2028\\ud83d\\ude00\\\"\\\\\\n\\u007f\"}");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{}",
        "{\"endorsement\":{},\"signature\":\"\"}",
        "{\"endorsement\":5,\"signature\":\"\",\"key_id\":\"k\"}",
        "{\"endorsement\":{},\"signature\":\"%%\",\"key_id\":\"k\"}"
      })
  void an_answer_that_is_none_is_malformed(String text) {
    assertThatThrownBy(() -> SignedEndorsement.parse(Bytes.ofText(text)))
        .isInstanceOf(MalformedStructureException.class);
  }
}
