package dev.serai.jwtsvid;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.InvalidSpiffeIdException;
import dev.serai.spiffe.SpiffeId;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What a token says that has the form of a JWT-SVID. Nobody has looked at its signature, its times
 * or its audience yet. JWT-SVID, sections 2 and 3.
 *
 * @param algorithm one of the nine that the standard allows
 * @param keyId never empty: the standard leaves it out, its implementations do not
 * @param audience at least one
 * @param claims all of them, unmodifiable
 */
public record ClaimedJwtSvid(
    String algorithm,
    String keyId,
    SpiffeId id,
    List<String> audience,
    Instant expiresAt,
    Optional<Instant> notBefore,
    Optional<Instant> issuedAt,
    Map<String, Object> claims,
    JwtToken token) {
  /** A longer token is not read. Ours have some 500 characters. */
  static final int MAX_LENGTH = 16 * 1024;

  private static final Pattern COMPACT =
      Pattern.compile("[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+");

  /** Section 2.1. Neither none nor a shared secret is among them. */
  private static final Set<String> ALGORITHMS =
      Set.of("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512");

  private static final Set<String> HEADER_MEMBERS = Set.of("alg", "kid", "typ");
  private static final Set<String> TYPES = Set.of("JWT", "JOSE");
  private static final int MAX_KEY_ID = 255;
  private static final int MAX_AUDIENCES = 256;

  /** The last second of the year 9999. */
  private static final double LATEST = 253_402_300_799d;

  private static final TypeReference<Map<String, Object>> MAP = new TypeReference<>() {};

  private static final ObjectMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(32)
                          .maxNumberLength(40)
                          .maxNameLength(256)
                          .maxStringLength(MAX_LENGTH)
                          .build())
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  public ClaimedJwtSvid {
    audience = List.copyOf(audience);
    claims = Collections.unmodifiableMap(claims);
  }

  /** Reads a token. @throws RefusalException JWT_SVID_MALFORMED, without a part of the token */
  public static ClaimedJwtSvid parse(String token) {
    if (token.length() > MAX_LENGTH) {
      throw malformed("it is longer than %d characters".formatted(MAX_LENGTH));
    }
    if (!COMPACT.matcher(token).matches()) {
      throw malformed("it is not a JWS in compact serialisation");
    }
    String[] parts = token.split("\\.");
    JsonNode header = object(parts[0], "header");
    header
        .fieldNames()
        .forEachRemaining(
            name -> {
              if (!HEADER_MEMBERS.contains(name)) {
                throw malformed("its header has members beside alg, kid and typ");
              }
            });
    String algorithm = text(header, "alg");
    if (!ALGORITHMS.contains(algorithm)) {
      throw malformed("its algorithm is not one for JWT-SVIDs");
    }
    if (header.has("typ") && !TYPES.contains(text(header, "typ"))) {
      throw malformed("its typ is neither JWT nor JOSE");
    }
    String keyId = text(header, "kid");
    if (keyId.length() > MAX_KEY_ID) {
      throw malformed("its kid is too long");
    }
    bytes(parts[2], "signature");
    ObjectNode claims = object(parts[1], "payload");
    return new ClaimedJwtSvid(
        algorithm,
        keyId,
        subject(text(claims, "sub")),
        audience(claims.path("aud")),
        time(claims, "exp").orElseThrow(() -> malformed("it has no exp")),
        time(claims, "nbf"),
        time(claims, "iat"),
        JSON.convertValue(claims, MAP),
        new JwtToken(token));
  }

  private static SpiffeId subject(String sub) {
    try {
      SpiffeId id = SpiffeId.parse(sub);
      if (!id.path().isEmpty()) {
        return id;
      }
    } catch (InvalidSpiffeIdException e) {
      throw new RefusalException(
          ReasonCode.JWT_SVID_MALFORMED, "its sub is no SPIFFE ID: " + e.getMessage(), e);
    }
    throw malformed("its sub is a trust domain");
  }

  private static List<String> audience(JsonNode aud) {
    List<String> audience = new ArrayList<>();
    if (aud.isArray()) {
      for (JsonNode one : aud) {
        audience.add(one.isTextual() ? one.asText() : "");
      }
    } else if (aud.isTextual()) {
      audience.add(aud.asText());
    }
    if (audience.isEmpty() || audience.contains("") || audience.size() > MAX_AUDIENCES) {
      throw malformed("its aud is not one audience or several");
    }
    return audience;
  }

  private static Optional<Instant> time(JsonNode claims, String name) {
    JsonNode value = claims.path(name);
    if (value.isMissingNode()) {
      return Optional.empty();
    }
    double seconds = value.isNumber() ? value.doubleValue() : Double.NaN;
    if (!(seconds >= 0 && seconds <= LATEST)) {
      throw malformed("its %s is no time".formatted(name));
    }
    return Optional.of(Instant.ofEpochMilli(Math.round(seconds * 1000)));
  }

  private static String text(JsonNode object, String name) {
    JsonNode value = object.path(name);
    if (!value.isTextual() || value.asText().isEmpty()) {
      throw malformed("it has no " + name);
    }
    return value.asText();
  }

  private static ObjectNode object(String part, String what) {
    try {
      String text =
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(java.nio.ByteBuffer.wrap(bytes(part, what)))
              .toString();
      if (JSON.readTree(text) instanceof ObjectNode object) {
        return object;
      }
      throw malformed("its %s is no JSON object".formatted(what));
    } catch (CharacterCodingException e) {
      throw malformed("its %s is not text".formatted(what));
    } catch (JsonProcessingException e) { // not as the cause: its message quotes the token
      throw malformed("its %s is no JSON object".formatted(what));
    } catch (IOException e) {
      throw new IllegalStateException("a text cannot be read", e);
    }
  }

  /** Strictly: there is one way to write these bytes. */
  private static byte[] bytes(String part, String what) {
    try {
      byte[] decoded = Base64.getUrlDecoder().decode(part);
      if (Base64.getUrlEncoder().withoutPadding().encodeToString(decoded).equals(part)) {
        return decoded;
      }
    } catch (IllegalArgumentException e) {
      throw malformed("its %s is not base64url".formatted(what));
    }
    throw malformed("its %s is not base64url".formatted(what));
  }

  private static RefusalException malformed(String why) {
    return new RefusalException(ReasonCode.JWT_SVID_MALFORMED, why);
  }

  /** Without the token. */
  @Override
  public String toString() {
    return "ClaimedJwtSvid[%s, until %s]".formatted(id, expiresAt);
  }
}
