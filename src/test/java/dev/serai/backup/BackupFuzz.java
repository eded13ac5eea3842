package dev.serai.backup;

import static dev.serai.fuzz.Fuzzed.check;
import static dev.serai.fuzz.Fuzzed.same;

import dev.serai.tpm.Bytes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSAuthEnvelopedDataStreamGenerator;
import org.bouncycastle.cms.CMSException;
import org.bouncycastle.cms.PasswordRecipient;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JcePasswordRecipientInfoGenerator;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.OutputAEADEncryptor;
import org.sqlite.SQLiteConfig;

/** A backup that somebody hands to us, from its envelope to its database. */
public final class BackupFuzz {
  private static final String PASSPHRASE = "correct horse battery staple";
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final byte[] KEPT = "kept".getBytes(StandardCharsets.US_ASCII);

  /** What a restore changes, each in one row. */
  private static final List<String> STATE =
      List.of(
          "CREATE TABLE issuer_authority (id TEXT, state TEXT)",
          "INSERT INTO issuer_authority VALUES ('old', 'OLD')",
          "CREATE TABLE issuer_join_token (token TEXT)",
          "INSERT INTO issuer_join_token VALUES ('t')",
          "CREATE TABLE issuer_challenge (id TEXT)",
          "CREATE TABLE registrar_challenge (id TEXT)",
          "CREATE TABLE verifier_node (due_at INT, lease_owner TEXT, lease_until INT)",
          "CREATE TABLE issuer_standing (state TEXT)",
          "INSERT INTO issuer_standing VALUES ('TRUSTED')",
          "CREATE TABLE issuer_entry (id TEXT, message BLOB, revision INT)",
          "INSERT INTO issuer_entry VALUES ('e', x'0a0165', 7)",
          "CREATE TABLE issuer_bundle (sequence INT)",
          "INSERT INTO issuer_bundle VALUES (3)",
          "CREATE TABLE issuer_ek_ban (ek_name TEXT PRIMARY KEY, banned_at INT)",
          "CREATE TABLE registrar_ban (ek_key TEXT PRIMARY KEY, ek_name TEXT, banned_at INT)",
          "CREATE TABLE issuer_node (spiffe_id TEXT, attestation_type TEXT, banned INT)",
          "INSERT INTO issuer_node VALUES ('a', 'join_token', 0)");

  private BackupFuzz() {}

  public static void manifest(byte[] in) {
    Manifest manifest = Manifest.parse(in);
    same(manifest, Manifest.parse(manifest.toJson()), "a manifest is read as it is written");
    for (Manifest.Item item : manifest.files()) {
      Path path = Path.of("/state").resolve(item.path());
      check(path.normalize().equals(path) && path.startsWith("/state"), "it stays in the state");
    }
  }

  /** Clear and sealed ones; whatever it is, it holds just what its manifest says. */
  public static void archive(byte[] in) throws IOException {
    Path work = Files.createTempDirectory("fuzz-backup");
    try {
      Path file = Files.write(work.resolve("backup"), in);
      Path passphrase = Files.writeString(work.resolve("passphrase"), PASSPHRASE);
      Path into = Files.createDirectory(work.resolve("into"));
      Manifest manifest =
          new BackupArchive(file, Optional.of(passphrase), Optional.empty()).unpack(into);
      for (Manifest.Item item : manifest.files()) {
        Path unpacked = into.resolve(item.path());
        same(item.size(), Files.size(unpacked), "a file has the size that was said");
        same(item.sha256(), StateFiles.sha256(unpacked), "and the hash");
      }
      BackupArchive.check(manifest, into);
    } finally {
      StateFiles.delete(work);
    }
  }

  /** Of a backup whose hashes are right: who made it chose them. */
  public static void database(byte[] in) throws IOException, SQLException {
    Path work = Files.createTempDirectory("fuzz-backup");
    try {
      Path file = Files.write(work.resolve(StateFiles.DATABASE), in);
      BackupArchive.check(new Manifest(NOW, "", "", "", "", List.of()), work);
      try (Connection connection =
          new SQLiteConfig().createConnection("jdbc:sqlite:" + file.toAbsolutePath())) {
        StateDatabase.Bans bans = StateDatabase.bans(file);
        RestoredState.apply(connection, bans, NOW);
        ReplacedState unknown =
            new ReplacedState(bans, Optional.empty(), StateDatabase.Lineage.NONE, Set.of());
        RestoredState.evict(connection, StateDatabase.Lineage.NONE, unknown, false);
      }
    } finally {
      StateFiles.delete(work);
    }
  }

  public static void recipient(byte[] in) throws IOException {
    Path file = Files.createTempFile("fuzz", ".pem");
    try {
      X509Certificate certificate = Sealing.certificate(Files.write(file, in));
      same("RSA", certificate.getPublicKey().getAlgorithm(), "a recipient has an RSA key");
    } finally {
      Files.deleteIfExists(file);
    }
  }

  public static Bytes manifestSeed() {
    return Bytes.copyOf(seedManifest().toJson());
  }

  private static Manifest seedManifest() {
    String hash = HexFormat.of().formatHex(StateFiles.newSha256().digest(KEPT));
    return new Manifest(
        NOW,
        "1.0",
        "7",
        "example.org",
        "",
        List.of(new Manifest.Item("agent/ak", KEPT.length, hash)));
  }

  public static Bytes archiveSeed() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    write(out);
    return Bytes.copyOf(out.toByteArray());
  }

  /** With few iterations, so that it can be opened often. */
  public static Bytes sealedSeed() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    BouncyCastleProvider provider = new BouncyCastleProvider();
    CMSAuthEnvelopedDataStreamGenerator generator = new CMSAuthEnvelopedDataStreamGenerator();
    generator.addRecipientInfoGenerator(
        new JcePasswordRecipientInfoGenerator(CMSAlgorithm.AES256_CBC, PASSPHRASE.toCharArray())
            .setProvider(provider)
            .setPasswordConversionScheme(PasswordRecipient.PKCS5_SCHEME2_UTF8)
            .setPRF(PasswordRecipient.PRF.HMacSHA256)
            .setSaltAndIterationCount(new byte[16], 10));
    try {
      write(
          generator.open(
              out,
              (OutputAEADEncryptor)
                  new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES256_GCM)
                      .setProvider(provider)
                      .build()));
    } catch (CMSException | IOException e) {
      throw new IllegalStateException(e);
    }
    return Bytes.copyOf(out.toByteArray());
  }

  private static void write(OutputStream out) {
    try (ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.putNextEntry(new ZipEntry(Manifest.NAME));
      zip.write(seedManifest().toJson());
      zip.putNextEntry(new ZipEntry("agent/ak"));
      zip.write(KEPT);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static Bytes databaseSeed() {
    try {
      Path file = Files.createTempFile("fuzz", ".db");
      Files.delete(file);
      SQLiteConfig small = new SQLiteConfig();
      small.setPageSize(512);
      try (Connection connection = small.createConnection("jdbc:sqlite:" + file);
          Statement statement = connection.createStatement()) {
        for (String sql : STATE) {
          statement.execute(sql);
        }
      }
      Bytes content = Bytes.copyOf(Files.readAllBytes(file));
      Files.delete(file);
      return content;
    } catch (IOException | SQLException e) {
      throw new IllegalStateException(e);
    }
  }
}
