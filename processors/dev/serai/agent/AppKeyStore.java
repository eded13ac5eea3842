package dev.serai.agent;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.keylime.KeylimeJson;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.wire.MalformedStructureException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The App Key's blobs on disk. They are of use only to the TPM that made them; a key is written
 * before it is used, so it is never certified and then lost.
 */
final class AppKeyStore {
  private static final Logger LOG = LoggerFactory.getLogger(AppKeyStore.class);
  private static final String FILE = "app-key.json";
  private static final int LIMIT = 16 * 1024;

  private final Tpm tpm;
  private final AgentFiles files;
  private final Tpm.AppKeyType type;

  AppKeyStore(Tpm tpm, AgentFiles files, Tpm.AppKeyType type) {
    this.tpm = tpm;
    this.files = files;
    this.type = type;
  }

  private record Kept(
      @JsonProperty("type") String type,
      @JsonProperty("public") String publicBlob,
      @JsonProperty("private") String privateBlob) {}

  /** The kept key if the TPM still takes it, else a new one. */
  AppKey loadOrMake() {
    Optional<KeyRef.App> kept = read();
    if (kept.isPresent()) {
      try {
        return new AppKey(kept.get(), tpm.publicArea(kept.get()));
      } catch (TpmException e) {
        if (!isRefused(e.fault())) {
          throw e;
        }
        LOG.warn(
            "the TPM does not take the kept App Key any more, a new one is made: {}",
            e.getMessage());
      }
    }
    KeyRef.App made = tpm.createAppKey(type);
    files.write(
        FILE,
        KeylimeJson.write(
                new Kept(type.name(), made.publicBlob().toBase64(), made.privateBlob().toBase64()))
            .toText());
    return new AppKey(made, tpm.publicArea(made));
  }

  /** The TPM answered and said no, as it does after it was cleared or replaced. */
  private static boolean isRefused(TpmException.Fault fault) {
    return switch (fault) {
      case STALE_KEY, INTEGRITY, COMMAND, AUTH -> true;
      default -> false;
    };
  }

  private Optional<KeyRef.App> read() {
    Optional<String> text = files.read(FILE);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    try {
      Kept kept = KeylimeJson.read(Bytes.ofText(text.get()), LIMIT, Kept.class);
      return kept.type().equals(type.name())
          ? Optional.of(
              new KeyRef.App(Bytes.ofBase64(kept.publicBlob()), Bytes.ofBase64(kept.privateBlob())))
          : Optional.empty();
    } catch (MalformedStructureException | IllegalArgumentException e) {
      LOG.warn("the kept App Key cannot be read, a new one is made: {}", e.getMessage());
      return Optional.empty();
    }
  }
}
