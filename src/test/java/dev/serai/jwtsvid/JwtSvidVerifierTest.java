package dev.serai.jwtsvid;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.TrustDomain;
import dev.serai.testing.TestJwtAuthority;
import dev.serai.tpm.Bytes;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PublicKey;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a verifier takes, and for which reason it refuses all else. JWT-SVID J-1 to J-8. */
class JwtSvidVerifierTest {
  private static final String AUDIENCE = "db";
  private static final Instant NOW = Instant.parse("2026-11-26T06:00:00Z");
  private static final Duration LIFE = Duration.ofMinutes(5);
  private static final TestJwtAuthority AUTHORITY = new TestJwtAuthority("test.example", "key-1");
  private static final KeyPair RSA = rsa(2048);

  private static KeyPair rsa(int bits) {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
      generator.initialize(bits);
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static JwtSvid verify(String token) {
    return JwtSvidVerifier.verify(token, AUDIENCE, AUTHORITY.bundle(), NOW);
  }

  private static RefusalException refused(String token) {
    RefusalException refusal = catchThrowableOfType(RefusalException.class, () -> verify(token));
    assertThat(refusal).as("a refusal").isNotNull();
    assertThat(refusal.reason().detail()).doesNotContain(token.substring(token.length() / 2));
    return refusal;
  }

  private static ReasonCode code(String token) {
    return refused(token).reason().code();
  }

  private static String good() {
    return AUTHORITY.token("/app", List.of(AUDIENCE, "cache"), NOW, LIFE);
  }

  private static Map<String, Object> claims() {
    return AUTHORITY.claims("/app", List.of(AUDIENCE), NOW, LIFE);
  }

  private static String with(String name, Object value) {
    Map<String, Object> claims = claims();
    if (value == null) {
      claims.remove(name);
    } else {
      claims.put(name, value);
    }
    return AUTHORITY.sign(claims);
  }

  @Test
  void a_good_token_says_whose_it_is() {
    JwtSvid svid = verify(good());
    assertThat(svid.id()).hasToString("spiffe://test.example/app");
    assertThat(svid.audience()).isEqualTo(AUDIENCE);
    assertThat(svid.expiresAt()).isEqualTo(NOW.plus(LIFE));
    assertThat(svid.claims())
        .containsEntry("sub", "spiffe://test.example/app")
        .containsEntry("aud", List.of(AUDIENCE, "cache"))
        .containsOnlyKeys("sub", "aud", "exp", "iat");
    assertThat(verify(with("aud", AUDIENCE)).claims()).containsEntry("aud", AUDIENCE);
  }

  @Test
  void a_token_without_typ_or_with_JOSE_is_good() {
    for (JOSEObjectType type : new JOSEObjectType[] {null, JOSEObjectType.JOSE}) {
      JWSHeader header =
          new JWSHeader.Builder(JWSAlgorithm.ES256).keyID("key-1").type(type).build();
      assertThat(verify(AUTHORITY.sign(header, new Payload(claims()))).id().path())
          .isEqualTo("/app");
    }
  }

  @Test
  void a_token_that_ended_is_refused_when_no_clock_explains_it() {
    Map<String, Object> ended = AUTHORITY.claims("/app", List.of(AUDIENCE), NOW, LIFE);
    ended.put("exp", NOW.getEpochSecond() - 29);
    assertThat(verify(AUTHORITY.sign(ended)).id().path()).isEqualTo("/app");
    ended.put("exp", NOW.getEpochSecond() - 30);
    assertThat(code(AUTHORITY.sign(ended))).isEqualTo(ReasonCode.JWT_SVID_EXPIRED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"nbf", "iat"})
  void a_token_that_has_not_begun_is_refused(String claim) {
    assertThat(verify(with(claim, NOW.getEpochSecond() + 30)).id().path()).isEqualTo("/app");
    assertThat(code(with(claim, NOW.getEpochSecond() + 31)))
        .isEqualTo(ReasonCode.JWT_SVID_NOT_YET_VALID);
  }

  @Test
  void a_token_for_another_audience_is_refused() {
    for (Object audience : new Object[] {"DB", "db ", List.of("cache", "d")}) {
      assertThat(code(with("aud", audience))).isEqualTo(ReasonCode.JWT_SVID_AUDIENCE_WRONG);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sub", "aud", "exp"})
  void a_token_without_a_mandatory_claim_is_refused(String claim) {
    assertThat(code(with(claim, null))).isEqualTo(ReasonCode.JWT_SVID_MALFORMED);
  }

  @Test
  void a_claim_of_another_type_is_refused() {
    for (String token :
        List.of(
            with("sub", 7),
            with("sub", "app"),
            with("sub", "spiffe://test.example"),
            with("sub", "spiffe://test.example/a/../b"),
            with("aud", List.of()),
            with("aud", List.of("")),
            with("aud", List.of(AUDIENCE, 7)),
            with("aud", Map.of("name", AUDIENCE)),
            with("exp", "tomorrow"),
            with("exp", -1),
            with("exp", 1e300),
            with("nbf", "now"),
            with("iat", List.of()))) {
      assertThat(code(token)).isEqualTo(ReasonCode.JWT_SVID_MALFORMED);
    }
  }

  @Test
  void a_token_of_another_trust_domain_is_not_looked_up_in_this_one() {
    TestJwtAuthority stranger = new TestJwtAuthority("other.example", "key-1");
    assertThat(code(stranger.token("/app", List.of(AUDIENCE), NOW, LIFE)))
        .isEqualTo(ReasonCode.JWT_SVID_DOMAIN_UNKNOWN);
  }

  @Test
  void a_key_that_the_trust_domain_does_not_have_verifies_nothing() {
    TestJwtAuthority unknown = new TestJwtAuthority("test.example", "key-2");
    String token = unknown.token("/app", List.of(AUDIENCE), NOW, LIFE);
    assertThat(code(token)).isEqualTo(ReasonCode.JWT_SVID_KEY_UNKNOWN);
    TrustDomain domain = new TrustDomain("test.example");
    assertThatThrownBy(() -> JwtSvidVerifier.verify(good(), AUDIENCE, JwtBundle.empty(domain), NOW))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.JWT_SVID_KEY_UNKNOWN));
  }

  @Test
  void a_token_that_another_key_signed_under_a_known_kid_is_refused() {
    TestJwtAuthority forger = new TestJwtAuthority("test.example", "key-1");
    assertThat(code(forger.token("/app", List.of(AUDIENCE), NOW, LIFE)))
        .isEqualTo(ReasonCode.JWT_SVID_SIGNATURE_INVALID);
  }

  @Test
  void no_byte_of_a_token_can_be_changed() {
    String token = good();
    for (int i = 0; i < token.length(); i++) {
      char other = token.charAt(i) == 'A' ? 'B' : 'A';
      String changed = token.substring(0, i) + other + token.substring(i + 1);
      assertThat(code(changed)).as("byte %d", i).isNotNull();
    }
  }

  @Test
  void neither_none_nor_a_shared_secret_is_an_algorithm() throws Exception {
    String payload = token64(new Payload(claims()).toString());
    assertThat(code(token64("{\"alg\":\"none\",\"kid\":\"key-1\"}") + "." + payload + ".AA"))
        .isEqualTo(ReasonCode.JWT_SVID_MALFORMED);
    byte[] secret = AUTHORITY.key().getPublic().getEncoded();
    assertThat(
            code(
                sign(
                    new JWSHeader.Builder(JWSAlgorithm.HS256).keyID("key-1").build(),
                    new MACSigner(secret))))
        .isEqualTo(ReasonCode.JWT_SVID_MALFORMED);
  }

  @Test
  void a_header_has_alg_kid_and_typ_and_nothing_else() {
    for (JWSHeader header :
        List.of(
            new JWSHeader.Builder(JWSAlgorithm.ES256).build(),
            new JWSHeader.Builder(JWSAlgorithm.ES256).keyID("").build(),
            new JWSHeader.Builder(JWSAlgorithm.ES256).keyID("key-1").contentType("JWT").build(),
            new JWSHeader.Builder(JWSAlgorithm.ES256).keyID("key-1").customParam("x", true).build(),
            new JWSHeader.Builder(JWSAlgorithm.ES256)
                .keyID("key-1")
                .jwkURL(java.net.URI.create("http://127.0.0.1/keys"))
                .build(),
            new JWSHeader.Builder(JWSAlgorithm.ES256)
                .keyID("key-1")
                .type(new JOSEObjectType("wit+jwt"))
                .build())) {
      assertThat(code(AUTHORITY.sign(header, new Payload(claims()))))
          .as(header.toString())
          .isEqualTo(ReasonCode.JWT_SVID_MALFORMED);
    }
  }

  @Test
  void what_is_no_token_is_malformed() {
    String token = good();
    String[] parts = token.split("\\.");
    for (String text :
        List.of(
            "x",
            "..",
            parts[0] + "." + parts[1] + ".",
            parts[0] + "." + parts[1],
            token + ".AAAA",
            " " + token,
            token + "=",
            token.replace('.', ':'),
            "{\"payload\":\"" + parts[1] + "\"}",
            parts[0] + "." + token64("[]") + "." + parts[2],
            parts[0] + "." + token64("{\"sub\":\"a\",\"sub\":\"b\"}") + "." + parts[2],
            parts[0] + "." + token64("{} {}") + "." + parts[2],
            parts[0] + "." + token64("{\"a\":" + "[".repeat(100) + "}") + "." + parts[2],
            parts[0] + "." + "_".repeat(4) + "." + parts[2],
            parts[0] + "." + "A".repeat(17_000) + "." + parts[2])) {
      assertThat(code(text)).as(text).isEqualTo(ReasonCode.JWT_SVID_MALFORMED);
    }
  }

  private static String token64(String json) {
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString(json.getBytes(StandardCharsets.UTF_8));
  }

  private static String sign(JWSHeader header, JWSSigner signer) throws Exception {
    JWSObject object = new JWSObject(header, new Payload(claims()));
    object.sign(signer);
    return object.serialize();
  }

  private static JwtBundle bundle(PublicKey key) {
    return JwtBundle.of(new TrustDomain("test.example"), Map.of("k", key));
  }

  @ParameterizedTest
  @CsvSource({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
  void an_rsa_key_verifies_its_algorithms_and_no_other(String name) throws Exception {
    KeyPair key = RSA;
    JWSHeader header = new JWSHeader.Builder(JWSAlgorithm.parse(name)).keyID("k").build();
    String token = sign(header, new RSASSASigner(key.getPrivate()));
    assertThat(JwtSvidVerifier.verify(token, AUDIENCE, bundle(key.getPublic()), NOW).id().path())
        .isEqualTo("/app");
    String elsewhere =
        token64("{\"alg\":\"ES256\",\"kid\":\"k\"}") + token.substring(token.indexOf('.'));
    assertThatThrownBy(
            () -> JwtSvidVerifier.verify(elsewhere, AUDIENCE, bundle(key.getPublic()), NOW))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.JWT_SVID_SIGNATURE_INVALID));
  }

  @Test
  void a_curve_has_one_algorithm() throws Exception {
    Map<Curve, JWSAlgorithm> pairs = new LinkedHashMap<>();
    pairs.put(Curve.P_256, JWSAlgorithm.ES256);
    pairs.put(Curve.P_384, JWSAlgorithm.ES384);
    pairs.put(Curve.P_521, JWSAlgorithm.ES512);
    for (Map.Entry<Curve, JWSAlgorithm> pair : pairs.entrySet()) {
      var key = new ECKeyGenerator(pair.getKey()).generate();
      String token =
          sign(new JWSHeader.Builder(pair.getValue()).keyID("k").build(), new ECDSASigner(key));
      JwtBundle bundle = bundle(key.toECPublicKey());
      assertThat(JwtSvidVerifier.verify(token, AUDIENCE, bundle, NOW).id().path())
          .isEqualTo("/app");
      String other = pair.getKey().equals(Curve.P_256) ? "ES384" : "ES256";
      String renamed =
          token64("{\"alg\":\"%s\",\"kid\":\"k\"}".formatted(other))
              + token.substring(token.indexOf('.'));
      assertThatThrownBy(() -> JwtSvidVerifier.verify(renamed, AUDIENCE, bundle, NOW))
          .isInstanceOfSatisfying(
              RefusalException.class,
              e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.JWT_SVID_SIGNATURE_INVALID));
    }
  }

  @Test
  void a_bundle_is_a_set_of_jwks_for_jwt_svids_only() throws Exception {
    JWKSet set = JWKSet.parse(AUTHORITY.bundle().jwks());
    assertThat(set.getKeys())
        .singleElement()
        .satisfies(
            key -> {
              assertThat(key.getKeyUse().identifier()).isEqualTo("jwt-svid");
              assertThat(key.getKeyID()).isEqualTo("key-1");
              assertThat(key.isPrivate()).isFalse();
            });
    assertThat(JwtBundle.empty(new TrustDomain("test.example")).jwks()).isEqualTo("{\"keys\":[]}");
    assertThat(AUTHORITY.bundle()).isEqualTo(AUTHORITY.bundle());
  }

  @Test
  void a_key_that_no_jwt_svid_is_signed_with_is_no_key() throws Exception {
    KeyPairGenerator ed = KeyPairGenerator.getInstance("Ed25519");
    for (Bytes der :
        List.of(
            Bytes.EMPTY,
            Bytes.ofHex("3000"),
            // Found by fuzzing: a point that is not on its curve.
            Bytes.ofHex(
                "3059301306072a8648ce3d020106082a8648ce3d030107034200"
                    + "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                    + "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f6"),
            Bytes.copyOf(rsa(1024).getPublic().getEncoded()),
            Bytes.copyOf(ed.generateKeyPair().getPublic().getEncoded()))) {
      assertThatThrownBy(() -> JwtBundle.key(der)).isInstanceOf(IllegalArgumentException.class);
    }
    PublicKey key = AUTHORITY.key().getPublic();
    assertThat(JwtBundle.key(Bytes.copyOf(key.getEncoded()))).isEqualTo(key);
  }

  @Test
  void a_token_is_in_no_text_of_ours() {
    ClaimedJwtSvid claimed = ClaimedJwtSvid.parse(good());
    assertThat(claimed.token().reveal()).isEqualTo(claimed.token().reveal()).contains(".");
    assertThat(claimed + " " + claimed.token() + " " + verify(good()))
        .doesNotContain(claimed.token().reveal().substring(100));
  }
}
