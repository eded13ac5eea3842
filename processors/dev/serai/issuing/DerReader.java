package dev.serai.issuing;

import java.util.Arrays;

/**
 * Reads DER of others: each length is compared with what is left before anything is taken. Only
 * tags of one byte and definite, shortest lengths.
 */
final class DerReader {
  private final byte[] source;
  private final int end;
  private int at;

  DerReader(byte[] source) {
    this(source, 0, source.length);
  }

  private DerReader(byte[] source, int from, int end) {
    this.source = source;
    this.at = from;
    this.end = end;
  }

  /** The content of the next element. @throws MalformedDerException if it is another one */
  DerReader enter(int tag) throws MalformedDerException {
    int length = header(tag);
    DerReader content = new DerReader(source, at, at + length);
    at += length;
    return content;
  }

  /** The content of the next element as bytes. */
  byte[] content(int tag) throws MalformedDerException {
    int length = header(tag);
    byte[] taken = Arrays.copyOfRange(source, at, at + length);
    at += length;
    return taken;
  }

  /** The next element with its header. */
  byte[] element(int tag) throws MalformedDerException {
    int start = at;
    int length = header(tag);
    at += length;
    return Arrays.copyOfRange(source, start, at);
  }

  /** A BIT STRING of whole bytes. */
  byte[] bitString() throws MalformedDerException {
    byte[] content = content(Der.BIT_STRING);
    if (content.length == 0 || content[0] != 0) {
      throw new MalformedDerException("bit string is not of whole bytes");
    }
    return Arrays.copyOfRange(content, 1, content.length);
  }

  boolean atEnd() {
    return at == end;
  }

  void end() throws MalformedDerException {
    if (at != end) {
      throw new MalformedDerException(end - at + " bytes too many");
    }
  }

  private int header(int tag) throws MalformedDerException {
    if (next() != tag) {
      throw new MalformedDerException("element 0x%02x is not there".formatted(tag));
    }
    int length = next();
    if (length >= 0x80) {
      int count = length & 0x7f;
      if (count == 0 || count > 3) {
        throw new MalformedDerException("length is not lawful here");
      }
      length = 0;
      for (int i = 0; i < count; i++) {
        length = length << 8 | next();
      }
      if (length < 0x80 || length >> (8 * (count - 1)) == 0) {
        throw new MalformedDerException("length is not the shortest");
      }
    }
    if (length > end - at) {
      throw new MalformedDerException("cut off");
    }
    return length;
  }

  private int next() throws MalformedDerException {
    if (at >= end) {
      throw new MalformedDerException("cut off");
    }
    return source[at++] & 0xff;
  }
}
