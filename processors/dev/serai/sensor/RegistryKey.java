package dev.serai.sensor;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.HexFormat;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * One secret, from which come the key of the hashes that devices are found by, the key that seals
 * what is personal, and the key of the hash that endorsements carry. Numbers of devices are few, so
 * a hash without a key would give them away. Safe for any thread.
 */
final class RegistryKey {
  private static final String FILE = "registry.key";
  private static final int SIZE = 32;
  private static final int NONCE = 12;
  private static final int TAG_BITS = 128;
  private static final SecureRandom RANDOM = new SecureRandom();

  private final SecretKeySpec lookup;
  private final SecretKeySpec seal;
  private final SecretKeySpec endorsed;
  private final String id;

  private RegistryKey(byte[] secret) {
    SecretKeySpec master = new SecretKeySpec(secret, "HmacSHA256");
    lookup = new SecretKeySpec(mac(master, "serai sensor lookup"), "HmacSHA256");
    seal = new SecretKeySpec(mac(master, "serai sensor seal"), "AES");
    endorsed = new SecretKeySpec(mac(master, "serai sensor endorsement"), "HmacSHA256");
    id = HexFormat.of().formatHex(mac(master, "serai sensor key id"), 0, 8);
  }

  /** The one of the state directory; made when there is none. */
  static RegistryKey of(PrivateFiles files) {
    byte[] secret =
        files
            .read(FILE)
            .orElseGet(
                () -> {
                  byte[] made = new byte[SIZE];
                  RANDOM.nextBytes(made);
                  files.write(FILE, made);
                  return made;
                });
    if (secret.length != SIZE) {
      throw new RefusalException(
          ReasonCode.SENSOR_REGISTRY_LOCKED, files.path(FILE) + " is not 32 bytes");
    }
    return new RegistryKey(secret);
  }

  /** Tells keys apart. */
  String id() {
    return id;
  }

  /** In hex. @param field so that equal numbers of different kinds do not meet */
  String lookupHash(String field, String value) {
    return HexFormat.of().formatHex(mac(lookup, field + "\0" + value));
  }

  /** In hex; the same device has the same as long as the key is the same. */
  String deviceHash(String imei, String imsi) {
    return HexFormat.of().formatHex(mac(endorsed, imei + "||" + imsi));
  }

  Bytes seal(String id, Bytes plain) {
    byte[] nonce = new byte[NONCE];
    RANDOM.nextBytes(nonce);
    try {
      Cipher cipher = cipher(Cipher.ENCRYPT_MODE, nonce, id);
      return Bytes.concat(Bytes.copyOf(nonce), Bytes.copyOf(cipher.doFinal(plain.toArray())));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no AES-GCM", e);
    }
  }

  /**
   * @throws RefusalException SENSOR_REGISTRY_LOCKED when it was sealed otherwise or changed
   */
  Bytes open(String id, Bytes sealed) {
    try {
      byte[] nonce = sealed.slice(0, NONCE).toArray();
      Cipher cipher = cipher(Cipher.DECRYPT_MODE, nonce, id);
      return Bytes.copyOf(cipher.doFinal(sealed.slice(NONCE, sealed.size() - NONCE).toArray()));
    } catch (GeneralSecurityException | IndexOutOfBoundsException e) {
      throw new RefusalException(
          ReasonCode.SENSOR_REGISTRY_LOCKED, "sensor " + id + " was sealed with another key", e);
    }
  }

  private Cipher cipher(int mode, byte[] nonce, String id) throws GeneralSecurityException {
    Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
    cipher.init(mode, seal, new GCMParameterSpec(TAG_BITS, nonce));
    cipher.updateAAD(id.getBytes(StandardCharsets.UTF_8));
    return cipher;
  }

  private static byte[] mac(SecretKeySpec key, String text) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(key);
      return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no HMAC", e);
    }
  }
}
