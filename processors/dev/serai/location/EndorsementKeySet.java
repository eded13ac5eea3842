package dev.serai.location;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.keylime.KeylimeJson;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The public keys that endorsements are signed with: the document mno-signing-keys.json. */
public final class EndorsementKeySet {
  private static final int LIMIT = 64 * 1024;
  private static final int MOST_KEYS = 64;
  private static final int RAW = 32;

  /** What stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo. RFC 8410. */
  private static final Bytes INFO = Bytes.ofHex("302a300506032b6570032100");

  private final List<Key> keys;

  /** A key and when it signs, or signed. */
  public record Key(String id, PublicKey key, Instant validFrom, Instant validUntil) {}

  public EndorsementKeySet(List<Key> keys) {
    this.keys = List.copyOf(keys);
  }

  public List<Key> keys() {
    return keys;
  }

  Optional<Key> find(String id) {
    return keys.stream().filter(key -> key.id().equals(id)).findFirst();
  }

  /** The document. */
  public Bytes json() {
    List<Map<String, String>> all = new ArrayList<>();
    for (Key key : keys) {
      Bytes info = Bytes.copyOf(key.key().getEncoded());
      Map<String, String> one = new LinkedHashMap<>();
      one.put("key_id", key.id());
      one.put("algorithm", "EdDSA");
      one.put("public_key", info.slice(INFO.size(), RAW).toBase64());
      one.put(
          "public_key_pem",
          "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n"
              .formatted(
                  Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(info.toArray())));
      one.put("valid_from", key.validFrom().toString());
      one.put("valid_until", key.validUntil().toString());
      all.add(one);
    }
    return KeylimeJson.write(Map.of("keys", all));
  }

  /**
   * Reads the document; keys of other algorithms are passed over.
   *
   * @throws MalformedStructureException when it is no such document
   */
  public static EndorsementKeySet parse(Bytes document) throws MalformedStructureException {
    JsonNode all = KeylimeJson.read(document, LIMIT, ObjectNode.class).path("keys");
    if (!all.isArray() || all.size() > MOST_KEYS) {
      throw new MalformedStructureException("signing keys", "no list of keys, or a long one");
    }
    List<Key> keys = new ArrayList<>();
    for (JsonNode one : all) {
      if (one.path("algorithm").asText().equals("EdDSA")) {
        keys.add(
            new Key(
                text(one, "key_id"),
                key(KeylimeJson.base64("public_key", text(one, "public_key"), RAW)),
                time(text(one, "valid_from")),
                time(text(one, "valid_until"))));
      }
    }
    return new EndorsementKeySet(keys);
  }

  private static String text(JsonNode json, String name) throws MalformedStructureException {
    JsonNode value = json.path(name);
    if (!value.isTextual()) {
      throw new MalformedStructureException("signing keys", name + " is no text");
    }
    return value.textValue();
  }

  private static Instant time(String text) throws MalformedStructureException {
    try {
      return OffsetDateTime.parse(text).toInstant();
    } catch (DateTimeException e) {
      throw new MalformedStructureException("signing keys", "a time is none");
    }
  }

  private static PublicKey key(Bytes raw) throws MalformedStructureException {
    if (raw.size() != RAW) {
      throw new MalformedStructureException("signing keys", "a key is not 32 bytes");
    }
    try {
      return KeyFactory.getInstance("Ed25519")
          .generatePublic(new X509EncodedKeySpec(Bytes.concat(INFO, raw).toArray()));
    } catch (GeneralSecurityException e) {
      throw new MalformedStructureException("signing keys", "a key is no point of the curve");
    }
  }
}
