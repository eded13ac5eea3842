package dev.serai.tpm.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.testing.SwTpm;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmEccCurve;
import dev.serai.tpm.spec.TpmHash;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Both ways against tpm2-tools on a software TPM: it opens ours, and its keys are read by us. */
class MakeCredentialTest {
  private static final Bytes SECRET = Bytes.ofText("abcdefghijABCDEFGHIJ012345678901");

  @TempDir Path dir;
  private static SwTpm tpm;

  @BeforeAll
  static void start() {
    tpm = SwTpm.blank();
  }

  @AfterAll
  static void stop() {
    tpm.close();
  }

  private int run(String... command) throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(dir.toFile()).redirectErrorStream(true);
    builder.environment().put("TPM2TOOLS_TCTI", tpm.tcti());
    builder.redirectOutput(dir.resolve("log").toFile());
    Process process = builder.start();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  private void must(String command) throws IOException, InterruptedException {
    List<String> words = new ArrayList<>(List.of(command.split(" ")));
    assertThat(run(words.toArray(String[]::new)))
        .as("%s: %s", command, Files.readString(dir.resolve("log")))
        .isZero();
  }

  private Bytes file(String name) throws IOException {
    return Bytes.copyOf(Files.readAllBytes(dir.resolve(name)));
  }

  /** Flushes everything but what is named next; each tool run loads what it needs. */
  private void flush() throws IOException, InterruptedException {
    run("tpm2_flushcontext", "-t");
    run("tpm2_flushcontext", "-l");
  }

  private int activate(TpmtPublic ek, Bytes blob) throws IOException, InterruptedException {
    Files.write(dir.resolve("blob"), blob.toArray());
    Files.deleteIfExists(dir.resolve("secret"));
    flush();
    List<String> command =
        new ArrayList<>(
            List.of("tpm2_activatecredential -c ak.ctx -C ek.ctx -i blob -o secret".split(" ")));
    boolean byPolicy = !ek.attributes().has(TpmaObject.Attribute.USER_WITH_AUTH);
    if (byPolicy) {
      must("tpm2_startauthsession --policy-session -S session");
      must("tpm2_policysecret -S session -c e");
      command.addAll(List.of("-P", "session:session"));
    }
    int exit = run(command.toArray(String[]::new));
    if (byPolicy) {
      run("tpm2_flushcontext", "session");
    }
    return exit;
  }

  @ParameterizedTest
  @CsvSource({"rsa, rsa, rsassa", "ecc, ecc, ecdsa", "ecc384, ecc, ecdsa"})
  void a_tpm_opens_our_credential_for_its_ek_and_ak(String ekKind, String akKind, String scheme)
      throws Exception {
    flush();
    must("tpm2_createek -c ek.ctx -G " + ekKind + " -u ek.pub");
    flush();
    must(
        "tpm2_createak -C ek.ctx -c ak.ctx -G %s -g sha256 -s %s -u ak.pub -n ak.name"
            .formatted(akKind, scheme));
    TpmtPublic ek = TpmtPublic.parseSized(file("ek.pub"));
    TpmtPublic ak = TpmtPublic.parseSized(file("ak.pub"));
    assertThat(ak.name().encoded()).isEqualTo(file("ak.name"));
    if (ekKind.equals("ecc384")) {
      assertThat(((TpmtPublic.EccKey) ek.key()).curve()).isEqualTo(TpmEccCurve.P384);
      assertThat(ek.nameAlgorithm()).isEqualTo(TpmHash.SHA384);
      assertThat(ek.aesKeyBits()).isEqualTo(256);
    }

    CredentialBlob blob = MakeCredential.make(ek, ak.name(), SECRET, new SecureRandom());
    assertThat(activate(ek, blob.toFile())).as(Files.readString(dir.resolve("log"))).isZero();
    assertThat(file("secret")).isEqualTo(SECRET);

    CredentialBlob forAnother = MakeCredential.make(ek, ek.name(), SECRET, new SecureRandom());
    assertThat(activate(ek, forAnother.toFile())).isNotZero();

    must(
        "tpm2_makecredential -T none -u ek.pub -s ak.name -n %s -o theirs"
            .formatted(ak.name().toHex()));
    CredentialBlob theirs = CredentialBlob.parseFile(file("theirs"));
    assertThat(theirs.toFile()).isEqualTo(file("theirs"));
  }

  @Test
  void a_quote_of_the_tools_is_read() throws Exception {
    flush();
    must("tpm2_createek -c ek.ctx -G ecc -u ek.pub");
    flush();
    must("tpm2_createak -C ek.ctx -c ak.ctx -G ecc -g sha256 -s ecdsa -u ak.pub -n ak.name");
    flush();
    must("tpm2_quote -c ak.ctx -l sha256:0,1,2,3,4,5,6,7,10+sha1:7 -q 00112233 -m q -s s -o p");
    TpmsAttest attest = TpmsAttest.parse(file("q"));
    TpmsAttest.Quote quote = (TpmsAttest.Quote) attest.body();
    PcrBlob blob = PcrBlob.parse(file("p"));
    assertThat(attest.extraData()).isEqualTo(Bytes.ofHex("00112233"));
    assertThat(blob.selection()).isEqualTo(quote.selection());
    assertThat(blob.digest(TpmHash.SHA256)).isEqualTo(quote.pcrDigest());
    assertThat(blob.encoded()).isEqualTo(file("p"));
    Bytes qualifiedEk =
        TpmtPublic.parseSized(file("ek.pub"))
            .name()
            .qualifiedUnder(Bytes.ofHex("4000000b"))
            .encoded();
    assertThat(attest.qualifiedSigner())
        .isEqualTo(
            TpmtPublic.parseSized(file("ak.pub")).name().qualifiedUnder(qualifiedEk).encoded());
    must("tpm2_checkquote -u ak.pub -m q -s s -f p -q 00112233 -g sha256");
    Files.write(dir.resolve("p2"), blob.encoded().toArray());
    must("tpm2_checkquote -u ak.pub -m q -s s -f p2 -q 00112233 -g sha256");
  }

  @Test
  void a_secret_that_does_not_fit_and_a_key_that_cannot_are_refused() throws Exception {
    TpmtPublic ek = TpmtPublic.parseSized(WireFixtures.fixture("keylime/quote/ek.pub"));
    TpmtPublic ak = TpmtPublic.parseSized(WireFixtures.fixture("keylime/quote/ak.pub"));
    assertThat(MakeCredential.supports(ek)).isTrue();
    assertThat(MakeCredential.supports(ak)).isFalse();
    assertThatThrownBy(
            () ->
                MakeCredential.make(ek, ak.name(), Bytes.copyOf(new byte[33]), new SecureRandom()))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> MakeCredential.make(ak, ak.name(), SECRET, new SecureRandom()))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
