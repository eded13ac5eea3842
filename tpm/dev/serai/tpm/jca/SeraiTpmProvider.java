package dev.serai.tpm.jca;

import java.security.Provider;
import java.security.Security;
import java.util.List;
import java.util.Map;

/**
 * JCA provider "SeraiTpm": signatures by keys in the TPM. It verifies nothing and accepts no key
 * but {@link TpmPrivateKey}. Once {@linkplain #install() installed}, the JDK finds it by itself:
 * TLS asks for a signature by name, and the provider that accepts the key is taken.
 *
 * <p>Algorithms: SHA256withECDSA, NONEwithECDSA (a SHA-256 digest), SHA256withRSA, and RSASSA-PSS
 * with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes.
 */
public final class SeraiTpmProvider extends Provider {
  /** The provider's name. */
  public static final String NAME = "SeraiTpm";

  private static final long serialVersionUID = 1L;

  public SeraiTpmProvider() {
    super(NAME, "1.0", "Signatures by keys in the TPM of this machine");
    signature("SHA256withECDSA", TpmSignature.Sha256Ecdsa.class);
    signature("NONEwithECDSA", TpmSignature.DigestEcdsa.class);
    signature("SHA256withRSA", TpmSignature.Sha256Rsa.class);
    signature("RSASSA-PSS", TpmSignature.Pss.class);
  }

  /** Adds the provider to this JVM as the last one, unless it is there. */
  public static synchronized void install() {
    if (Security.getProvider(NAME) == null) {
      Security.addProvider(new SeraiTpmProvider());
    }
  }

  private void signature(String algorithm, Class<? extends TpmSignature> implementation) {
    putService(
        new Service(
            this,
            "Signature",
            algorithm,
            implementation.getName(),
            List.of(),
            Map.of("SupportedKeyClasses", TpmPrivateKey.class.getName())));
  }
}
