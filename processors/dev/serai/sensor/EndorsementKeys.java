package dev.serai.sensor;

import dev.serai.location.EndorsementKeySet;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The Ed25519 keys that endorsements are signed with: the newest signs, those before it stay in the
 * published set for as long again. A key is on the disk before it signs. Safe for any thread.
 */
final class EndorsementKeys {
  private static final Pattern NAME =
      Pattern.compile("endorsement-([0-9]{1,15})-(serai-mno-[0-9a-f]{16})\\.key");
  private static final String LINE = "\n";

  private final PrivateFiles files;
  private final Duration life;
  private final InstantSource clock;

  // Guarded by this; oldest first.
  private List<Held> held = List.of();

  private record Held(String file, String id, Instant madeAt, PrivateKey secret, PublicKey open) {}

  /** What was signed with. */
  record Signed(Bytes signature, String keyId) {}

  private EndorsementKeys(PrivateFiles files, Duration life, InstantSource clock) {
    this.files = files;
    this.life = life;
    this.clock = clock;
  }

  static EndorsementKeys open(PrivateFiles files, Duration life, InstantSource clock) {
    EndorsementKeys keys = new EndorsementKeys(files, life, clock);
    List<Held> found = new ArrayList<>();
    for (String name : files.names()) {
      Matcher parts = NAME.matcher(name);
      if (parts.matches()) {
        found.add(keys.read(name, parts.group(2), Long.parseLong(parts.group(1))));
      }
    }
    found.sort(Comparator.comparing(Held::madeAt).thenComparing(Held::id));
    keys.held = List.copyOf(found);
    keys.rotate();
    return keys;
  }

  private Held read(String name, String id, long madeAt) {
    try {
      String[] lines =
          new String(files.read(name).orElseThrow(), StandardCharsets.US_ASCII).split(LINE);
      KeyFactory factory = KeyFactory.getInstance("Ed25519");
      return new Held(
          name,
          id,
          Instant.ofEpochMilli(madeAt),
          factory.generatePrivate(new PKCS8EncodedKeySpec(Bytes.ofBase64(lines[0]).toArray())),
          factory.generatePublic(new X509EncodedKeySpec(Bytes.ofBase64(lines[1]).toArray())));
    } catch (GeneralSecurityException | RuntimeException e) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID, files.path(name) + " is no key; take it away", e);
    }
  }

  /** Makes the next key when the newest is old or there is none; forgets those long replaced. */
  synchronized void rotate() {
    Instant now = clock.instant();
    List<Held> next = new ArrayList<>(held);
    if (next.isEmpty() || !now.isBefore(newest().madeAt().plus(life))) {
      next.add(make(now));
    }
    Held signing = next.get(next.size() - 1);
    next.removeIf(
        key -> {
          boolean old = !key.file().equals(signing.file()) && !now.isBefore(shownUntil(key));
          if (old) {
            files.delete(key.file());
          }
          return old;
        });
    held = List.copyOf(next);
  }

  private Held newest() {
    return held.get(held.size() - 1);
  }

  private Instant shownUntil(Held key) {
    return key.madeAt().plus(life).plus(life);
  }

  private Held make(Instant now) {
    try {
      KeyPair pair = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
      String id =
          "serai-mno-"
              + HexFormat.of()
                  .formatHex(
                      MessageDigest.getInstance("SHA-256").digest(pair.getPublic().getEncoded()),
                      0,
                      8);
      String name = "endorsement-%d-%s.key".formatted(now.toEpochMilli(), id);
      String content =
          Bytes.copyOf(pair.getPrivate().getEncoded()).toBase64()
              + LINE
              + Bytes.copyOf(pair.getPublic().getEncoded()).toBase64()
              + LINE;
      files.write(name, content.getBytes(StandardCharsets.US_ASCII));
      return new Held(name, id, now, pair.getPrivate(), pair.getPublic());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no Ed25519", e);
    }
  }

  /**
   * With the newest key that was there at that time: nobody believes a key about the time before
   * it.
   */
  synchronized Signed sign(Bytes text, Instant at) {
    Held key = newest();
    for (Held one : held) {
      if (!one.madeAt().isAfter(at)) {
        key = one;
      }
    }
    try {
      Signature signature = Signature.getInstance("Ed25519");
      signature.initSign(key.secret());
      signature.update(text.toArray());
      return new Signed(Bytes.copyOf(signature.sign()), key.id());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("a key of ours does not sign", e);
    }
  }

  synchronized String signingId() {
    return newest().id();
  }

  synchronized Instant signingSince() {
    return newest().madeAt();
  }

  synchronized EndorsementKeySet published() {
    return new EndorsementKeySet(
        held.stream()
            .map(
                key ->
                    new EndorsementKeySet.Key(key.id(), key.open(), key.madeAt(), shownUntil(key)))
            .toList());
  }
}
