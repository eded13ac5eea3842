package dev.serai.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSAuthEnvelopedDataStreamGenerator;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JcePasswordRecipientInfoGenerator;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.OutputAEADEncryptor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What whoever made a backup can ask of the machine that opens it. */
class ForeignBackupTest {
  private static final byte[] CONTENT = "kept".getBytes(StandardCharsets.US_ASCII);

  @TempDir Path dir;
  private Path backup;
  private Path passphrase;

  @BeforeEach
  void places() throws IOException {
    backup = dir.resolve("backup");
    passphrase = Files.writeString(dir.resolve("pass"), "correct horse battery");
  }

  private BackupArchive archive() {
    return new BackupArchive(backup, Optional.of(passphrase), Optional.empty());
  }

  private static Manifest manifest(long size) throws IOException {
    Path file = Files.createTempFile("kept", "");
    String hash = StateFiles.sha256(Files.write(file, CONTENT));
    Files.delete(file);
    return new Manifest(
        Instant.EPOCH, "1", "1", "", "", List.of(new Manifest.Item("agent/ak", size, hash)));
  }

  private static void write(OutputStream out, byte[] manifest) throws IOException {
    try (ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.putNextEntry(new ZipEntry(Manifest.NAME));
      zip.write(manifest);
      zip.putNextEntry(new ZipEntry("agent/ak"));
      zip.write(CONTENT);
    }
  }

  private void seal(int iterations) throws Exception {
    BouncyCastleProvider provider = new BouncyCastleProvider();
    CMSAuthEnvelopedDataStreamGenerator generator = new CMSAuthEnvelopedDataStreamGenerator();
    generator.addRecipientInfoGenerator(
        new JcePasswordRecipientInfoGenerator(
                CMSAlgorithm.AES256_CBC, Files.readString(passphrase).toCharArray())
            .setProvider(provider)
            .setSaltAndIterationCount(new byte[16], iterations));
    try (OutputStream out = Files.newOutputStream(backup)) {
      write(
          generator.open(
              out,
              (OutputAEADEncryptor)
                  new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES256_GCM)
                      .setProvider(provider)
                      .build()),
          manifest(CONTENT.length).toJson());
    }
  }

  private static void invalid(String detail, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> {
              assertThat(e.reason().code()).isEqualTo(ReasonCode.BACKUP_INVALID);
              assertThat(e.reason().detail()).contains(detail);
            });
  }

  @Test
  void its_maker_does_not_choose_how_long_a_passphrase_is_worked_on() throws Exception {
    seal(1_000);
    assertThat(archive().verify().files()).hasSize(1);
    seal(1_300_000);
    invalid("iterations", () -> archive().verify());
  }

  @Test
  void an_envelope_is_not_longer_than_its_file() throws Exception {
    // AuthEnvelopedData whose first element says that it has 256 MiB.
    Files.write(
        backup,
        HexFormat.of().parseHex("3080060b2a864886f70d0109100117a080308002841000000030800000"));
    invalid("", () -> archive().verify());
  }

  @Test
  void what_the_disk_has_no_room_for_is_not_unpacked() throws Exception {
    try (OutputStream out = Files.newOutputStream(backup)) {
      write(out, manifest(Long.MAX_VALUE).toJson());
    }
    assertThatThrownBy(() -> archive().verify())
        .isInstanceOf(FileSystemException.class)
        .hasMessageContaining("no room");
  }

  @Test
  void a_manifest_says_each_thing_once() throws Exception {
    String json = new String(manifest(CONTENT.length).toJson(), StandardCharsets.UTF_8);
    assertThat(Manifest.parse(bytes(json)).files()).hasSize(1);
    invalid("manifest", () -> Manifest.parse(bytes(json + "{}")));
    invalid(
        "manifest", () -> Manifest.parse(bytes(json.replaceFirst("\\{", "{\"schema\":\"2\","))));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
