package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;
import java.io.ByteArrayOutputStream;

/** Writes a structure: big-endian as the TPM reads, little-endian where a file format says so. */
public final class WireWriter {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream(128);

  public WireWriter uint8(int value) {
    out.write(value);
    return this;
  }

  public WireWriter uint16(int value) {
    if (value < 0 || value > 0xffff) {
      throw new IllegalArgumentException("%d does not fit 16 bits".formatted(value));
    }
    return uint8(value >>> 8).uint8(value);
  }

  public WireWriter uint32(long value) {
    if (value < 0 || value > 0xffffffffL) {
      throw new IllegalArgumentException("%d does not fit 32 bits".formatted(value));
    }
    return uint16((int) (value >>> 16)).uint16((int) (value & 0xffff));
  }

  public WireWriter uint64(long value) {
    return uint32(value >>> 32).uint32(value & 0xffffffffL);
  }

  public WireWriter uint16le(int value) {
    return uint8(value).uint8(value >>> 8);
  }

  public WireWriter uint32le(long value) {
    return uint16le((int) (value & 0xffff)).uint16le((int) (value >>> 16 & 0xffff));
  }

  public WireWriter bytes(Bytes bytes) {
    out.writeBytes(bytes.toArray());
    return this;
  }

  /** A TPM2B: 16 bit length, then the content. */
  public WireWriter sized(Bytes content) {
    return uint16(content.size()).bytes(content);
  }

  public WireWriter zeros(int count) {
    for (int i = 0; i < count; i++) {
      out.write(0);
    }
    return this;
  }

  public Bytes toBytes() {
    return Bytes.copyOf(out.toByteArray());
  }
}
