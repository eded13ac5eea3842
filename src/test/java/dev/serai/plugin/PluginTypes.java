package dev.serai.plugin;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.security.PublicKey;

/** For tests of other packages. */
public final class PluginTypes {
  private PluginTypes() {}

  public static Bytes spireRequest(Bytes keyInfo) {
    return TypedData.spireRequest(keyInfo);
  }

  /** What would be signed. */
  public static Bytes digest(Bytes data, boolean isDigest, Bytes keyInfo) {
    return TypedData.digest(data, isDigest, keyInfo);
  }

  public static boolean isGood(PublicKey key, Bytes data, Bytes signature) {
    return SignatureCheck.isGood(
        key, new PluginCall.VerifySignature(data, signature, TpmHash.SHA256, false));
  }
}
