package dev.serai.agent;

import dev.serai.proto.spire.types.Entry;
import dev.serai.tpm.Bytes;
import java.security.PrivateKey;

/** A key made for an entry, and the request for its SVID. */
record WorkloadRequest(Entry entry, PrivateKey key, Bytes csr) {
  /** Without the key. */
  @Override
  public String toString() {
    return "WorkloadRequest[" + entry.getId() + "]";
  }
}
