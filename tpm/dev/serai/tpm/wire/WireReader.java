package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;
import java.util.Objects;

/**
 * Reads a structure from front to back: big-endian as the TPM writes, little-endian where a tool's
 * file format says so. Owns the bounds: nothing is allocated for a length that is not there.
 */
public final class WireReader {
  private final String structure;
  private final Bytes source;
  private int position;

  /**
   * @param structure the name used in error messages
   * @param source the whole input
   */
  public WireReader(String structure, Bytes source) {
    this.structure = Objects.requireNonNull(structure);
    this.source = Objects.requireNonNull(source);
  }

  /** UINT8. */
  public int uint8() throws MalformedStructureException {
    return source.at(advance(1));
  }

  /** UINT16, big-endian. */
  public int uint16() throws MalformedStructureException {
    int at = advance(2);
    return source.at(at) << 8 | source.at(at + 1);
  }

  /** UINT32, big-endian, as a non-negative long. */
  public long uint32() throws MalformedStructureException {
    int at = advance(4);
    return (long) source.at(at) << 24
        | source.at(at + 1) << 16
        | source.at(at + 2) << 8
        | source.at(at + 3);
  }

  /** UINT64, big-endian; values over 2^63 come out negative. */
  public long uint64() throws MalformedStructureException {
    return uint32() << 32 | uint32();
  }

  /** UINT16, little-endian. */
  public int uint16le() throws MalformedStructureException {
    int at = advance(2);
    return source.at(at) | source.at(at + 1) << 8;
  }

  /** UINT32, little-endian, as a non-negative long. */
  public long uint32le() throws MalformedStructureException {
    int at = advance(4);
    return source.at(at)
        | source.at(at + 1) << 8
        | source.at(at + 2) << 16
        | (long) source.at(at + 3) << 24;
  }

  /** Exactly this many bytes. */
  public Bytes exactly(int length) throws MalformedStructureException {
    return source.slice(advance(length), length);
  }

  /** A TPM2B: 16 bit length, then the content, which may not be longer than the limit. */
  public Bytes sized(int limit) throws MalformedStructureException {
    int length = uint16();
    if (length > limit) {
      throw malformed("%d bytes where at most %d are allowed".formatted(length, limit));
    }
    return exactly(length);
  }

  /** Bytes that must all be zero: padding and unused slots of file formats. */
  public void zeros(int length) throws MalformedStructureException {
    int from = advance(length);
    for (int i = from; i < from + length; i++) {
      if (source.at(i) != 0) {
        throw malformed("byte %d should be zero padding".formatted(i));
      }
    }
  }

  /** The bytes from an earlier {@link #position()} to here, as received. */
  public Bytes since(int earlier) {
    return source.slice(earlier, position - earlier);
  }

  public int position() {
    return position;
  }

  public int remaining() {
    return source.size() - position;
  }

  /** Nothing may follow. */
  public void end() throws MalformedStructureException {
    if (remaining() != 0) {
      throw malformed("%d bytes too many".formatted(remaining()));
    }
  }

  /** An exception that names this structure and the place. */
  public MalformedStructureException malformed(String detail) {
    return new MalformedStructureException(structure, detail + ", before byte " + position);
  }

  private int advance(int length) throws MalformedStructureException {
    if (length < 0 || length > remaining()) {
      throw malformed("ends after %d of %d bytes".formatted(remaining(), length));
    }
    int from = position;
    position += length;
    return from;
  }
}
