package dev.serai.agent;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Settings;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** The agent's keys of the configuration, as values that can be used. */
record AgentSettings(
    String trustDomain,
    String issuerHost,
    int issuerPort,
    URI registrar,
    String contactHost,
    int contactPort,
    EkChoice ek,
    KeyRef.Attestation ak,
    Tpm.AppKeyType appKey,
    AgentLifecycle.Pace pace,
    Duration attestTimeout,
    Duration callTimeout,
    Path trustBundle,
    Optional<Path> trustedClientCa,
    Optional<Path> registrarCa,
    Path imaLog,
    Path eventLog,
    double quotesPerSecond,
    double quoteBurst) {

  /** Which EK the node enrols with. */
  enum EkChoice {
    /** ECC P-256 if the TPM holds a certificate for it, else RSA-2048. */
    AUTO,
    ECC_P256,
    RSA_2048
  }

  static AgentSettings of(Settings settings, Path stateDir) {
    String issuer = settings.text("serai.agent.issuer");
    int colon = issuer.lastIndexOf(':');
    if (colon < 1) {
      throw invalid("serai.agent.issuer", "host:port");
    }
    URI registrar;
    try {
      registrar = URI.create(settings.text("serai.agent.registrar"));
    } catch (IllegalArgumentException e) {
      throw invalid("serai.agent.registrar", "a URL");
    }
    if (!"http".equals(registrar.getScheme()) && !"https".equals(registrar.getScheme())) {
      throw invalid("serai.agent.registrar", "an http or https URL");
    }
    return new AgentSettings(
        settings.text("serai.trust-domain"),
        issuer.substring(0, colon),
        port("serai.agent.issuer", issuer.substring(colon + 1)),
        registrar,
        settings
            .optionalText("serai.agent.contact-host")
            .orElseGet(() -> settings.text("serai.agent.host")),
        settings.integer("serai.agent.port"),
        ek(settings.optionalText("serai.agent.ek").orElse("auto")),
        ak(settings.optionalText("serai.agent.ak").orElse("ecdsa")),
        appKey(settings.optionalText("serai.agent.app-key").orElse("ecc")),
        new AgentLifecycle.Pace(
            backoff(settings, "serai.agent.retry-first", "serai.agent.retry-most"),
            backoff(settings, "serai.agent.denied-retry-first", "serai.agent.denied-retry-most")),
        settings.duration("serai.agent.attest-timeout"),
        settings.duration("serai.agent.call-timeout"),
        settings
            .optionalText("serai.agent.trust-bundle")
            .map(Path::of)
            .orElseGet(() -> stateDir.resolve("bundle.pem")),
        settings.optionalText("serai.agent.trusted-client-ca").map(Path::of),
        settings.optionalText("serai.agent.registrar-ca").map(Path::of),
        Path.of(settings.text("serai.agent.ima-log")),
        Path.of(settings.text("serai.agent.event-log")),
        settings.integer("serai.agent.quotes-per-second"),
        settings.integer("serai.agent.quote-burst"));
  }

  private static Backoff backoff(Settings settings, String first, String most) {
    try {
      return new Backoff(settings.duration(first), settings.duration(most));
    } catch (IllegalArgumentException e) {
      throw invalid(first, "greater than zero and not above " + most);
    }
  }

  private static int port(String key, String text) {
    try {
      int port = Integer.parseInt(text);
      if (port > 0 && port < 65536) {
        return port;
      }
    } catch (NumberFormatException e) {
      throw invalid(key, "host:port");
    }
    throw invalid(key, "host:port");
  }

  private static EkChoice ek(String text) {
    return switch (text) {
      case "auto" -> EkChoice.AUTO;
      case "ecc" -> EkChoice.ECC_P256;
      case "rsa" -> EkChoice.RSA_2048;
      default -> throw invalid("serai.agent.ek", "auto, ecc or rsa");
    };
  }

  private static KeyRef.Attestation ak(String text) {
    return switch (text) {
      case "ecdsa" -> KeyRef.Attestation.ECDSA_P256;
      case "rsassa" -> KeyRef.Attestation.RSASSA_2048;
      default -> throw invalid("serai.agent.ak", "ecdsa or rsassa");
    };
  }

  private static Tpm.AppKeyType appKey(String text) {
    return switch (text) {
      case "ecc" -> Tpm.AppKeyType.ECC_P256;
      case "rsa" -> Tpm.AppKeyType.RSA_2048;
      default -> throw invalid("serai.agent.app-key", "ecc or rsa");
    };
  }

  private static RefusalException invalid(String key, String wanted) {
    return new RefusalException(ReasonCode.CONFIGURATION_INVALID, key + " has to be " + wanted);
  }
}
