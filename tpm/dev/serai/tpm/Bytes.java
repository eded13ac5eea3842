package dev.serai.tpm;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;

/** An immutable sequence of bytes. Copied in and copied out; equality is by content. */
public final class Bytes implements Comparable<Bytes> {
  /** No bytes. */
  public static final Bytes EMPTY = new Bytes(new byte[0]);

  private final byte[] content;

  private Bytes(byte[] owned) {
    this.content = owned;
  }

  public static Bytes copyOf(byte[] source) {
    return source.length == 0 ? EMPTY : new Bytes(source.clone());
  }

  public static Bytes copyOf(byte[] source, int from, int length) {
    return new Bytes(Arrays.copyOfRange(source, from, from + length));
  }

  /** The UTF-8 bytes of a text. */
  public static Bytes ofText(String text) {
    return new Bytes(text.getBytes(StandardCharsets.UTF_8));
  }

  /** From hex digits of either case, no separators. @throws IllegalArgumentException if not hex */
  public static Bytes ofHex(String hex) {
    return new Bytes(HexFormat.of().parseHex(hex));
  }

  /** From standard base64 with padding. @throws IllegalArgumentException if not base64 */
  public static Bytes ofBase64(String base64) {
    return new Bytes(Base64.getDecoder().decode(base64));
  }

  public static Bytes concat(Bytes... parts) {
    int size = 0;
    for (Bytes part : parts) {
      size = Math.addExact(size, part.size());
    }
    byte[] all = new byte[size];
    int at = 0;
    for (Bytes part : parts) {
      System.arraycopy(part.content, 0, all, at, part.content.length);
      at += part.content.length;
    }
    return new Bytes(all);
  }

  public int size() {
    return content.length;
  }

  public boolean isEmpty() {
    return content.length == 0;
  }

  /** The byte at an index, 0 to 255. */
  public int at(int index) {
    return content[index] & 0xff;
  }

  public Bytes slice(int from, int length) {
    return copyOf(content, from, length);
  }

  public byte[] toArray() {
    return content.clone();
  }

  public String toHex() {
    return HexFormat.of().formatHex(content);
  }

  public String toBase64() {
    return Base64.getEncoder().encodeToString(content);
  }

  public String toText() {
    return new String(content, StandardCharsets.UTF_8);
  }

  /** Feeds a digest, signature or MAC without another copy. */
  public void writeTo(MessageDigest digest) {
    digest.update(content);
  }

  /** Equality whose time does not depend on the content; for MACs and tokens. */
  public boolean equalsConstantTime(Bytes other) {
    return MessageDigest.isEqual(content, other.content);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Bytes b && Arrays.equals(content, b.content);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(content);
  }

  @Override
  public int compareTo(Bytes other) {
    return Arrays.compareUnsigned(content, other.content);
  }

  /** Length and first bytes only: content may be large. */
  @Override
  public String toString() {
    return content.length <= 8
        ? "Bytes[" + toHex() + "]"
        : "Bytes[%d: %s..]".formatted(content.length, HexFormat.of().formatHex(content, 0, 8));
  }
}
