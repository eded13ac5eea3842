package dev.serai.tpm.wire;

import static dev.serai.tpm.wire.WireFixtures.fixture;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.io.IOException;
import java.math.BigInteger;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECPoint;
import java.security.spec.ECPrivateKeySpec;
import java.security.spec.ECPublicKeySpec;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Known answers of go-tpm. */
class TpmKdfTest {

  private static List<JsonNode> vectors(String name) throws IOException {
    List<JsonNode> vectors = new ArrayList<>();
    new ObjectMapper()
        .readTree(fixture("go-tpm/vectors/" + name + ".json").toText())
        .forEach(vectors::add);
    return vectors;
  }

  private static Bytes hex(JsonNode vector, String field) {
    return Bytes.ofHex(vector.path(field).asText());
  }

  private static TpmHash hash(JsonNode vector) {
    return TpmHash.byId(vector.path("HashAlg").asInt()).orElseThrow();
  }

  @Test
  void kdfa_gives_the_known_answers() throws IOException {
    List<JsonNode> vectors = vectors("kdfa");
    assertThat(vectors).hasSize(100);
    for (JsonNode vector : vectors) {
      assertThat(
              TpmKdf.kdfa(
                  hash(vector),
                  hex(vector, "Key"),
                  vector.path("Label").asText(),
                  hex(vector, "ContextU"),
                  hex(vector, "ContextV"),
                  vector.path("Bits").asInt()))
          .as(vector.path("Name").asText())
          .isEqualTo(hex(vector, "Result"));
    }
  }

  @Test
  void kdfe_gives_the_known_answers() throws IOException {
    List<JsonNode> vectors = vectors("kdfe");
    assertThat(vectors).hasSize(100);
    for (JsonNode vector : vectors) {
      assertThat(
              TpmKdf.kdfe(
                  hash(vector),
                  hex(vector, "Z"),
                  vector.path("Label").asText(),
                  hex(vector, "ContextU"),
                  hex(vector, "ContextV"),
                  vector.path("Bits").asInt()))
          .as(vector.path("Name").asText())
          .isEqualTo(hex(vector, "Result"));
    }
  }

  @Test
  void the_seed_for_an_ecc_key_is_the_known_one() throws Exception {
    int seen = 0;
    for (JsonNode vector : vectors("ecc_labeled_encaps")) {
      if (!vector.path("Label").asText().equals("IDENTITY")
          || vector.path("Name").asText().contains("ECMQV")) {
        continue; // no key of ours has that scheme
      }
      seen++;
      TpmtPublic ek = TpmtPublic.parse(hex(vector, "PublicKey"));
      TpmtPublic.EccKey ecc = (TpmtPublic.EccKey) ek.key();
      int length = ecc.curve().coordinateLength();
      WireReader point = new WireReader("TPMS_ECC_POINT", hex(vector, "Ciphertext"));
      Bytes x = EccPoints.padded(point.sized(length), ecc.curve());
      Bytes y = EccPoints.padded(point.sized(length), ecc.curve());
      KeyFactory factory = KeyFactory.getInstance("EC");
      ECPublicKey ephemeral =
          (ECPublicKey)
              factory.generatePublic(
                  new ECPublicKeySpec(
                      new ECPoint(new BigInteger(1, x.toArray()), new BigInteger(1, y.toArray())),
                      EccPoints.parameters(ecc.curve())));
      KeyPair pair =
          new KeyPair(
              ephemeral,
              factory.generatePrivate(
                  new ECPrivateKeySpec(
                      new BigInteger(1, hex(vector, "EphemeralPrivate").toArray()),
                      EccPoints.parameters(ecc.curve()))));
      assertThat(MakeCredential.sharedSeed(ek.nameAlgorithm(), pair, ek.publicKey(), x, ecc.x()))
          .as(vector.path("Name").asText())
          .isEqualTo(hex(vector, "Secret"));
    }
    assertThat(seen).isGreaterThan(20);
  }
}
