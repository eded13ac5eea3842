package dev.serai.tpm.tss;

import static dev.serai.tpm.tss.TssTpmTest.assertFault;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.testing.SwTpm;
import dev.serai.testing.Tabrmd;
import dev.serai.testing.TpmProxy;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.KeyRef.Attestation;
import dev.serai.tpm.KeyRef.Endorsement;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.CredentialBlob;
import dev.serai.tpm.wire.MakeCredential;
import dev.serai.tpm.wire.PcrSelection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever fails on the way, no key, session, descriptor or thread is left behind. */
@Tag("slow")
class TssTpmLeakTest {
  private static final PcrSelection PCR_16 = PcrSelection.of(TpmHash.SHA256, 16);
  private static final Bytes NONCE = Bytes.ofHex("a5".repeat(32));
  private static final Bytes DIGEST = Bytes.ofHex("11".repeat(32));

  private final SwTpm software = SwTpm.provisioned();

  @AfterEach
  void end() {
    software.close();
  }

  private static TpmOptions options(String tcti) {
    return TpmOptions.defaults()
        .withTcti(tcti)
        .withAllowSoftware(true)
        .withDeadlines(Duration.ofSeconds(30), Duration.ofSeconds(60));
  }

  /** Every operation there is, once. */
  private static void everything(Tpm tpm) {
    tpm.properties();
    tpm.endorsementCertificates(Endorsement.ECC_P256);
    KeyRef.App app = tpm.createAppKey(Tpm.AppKeyType.ECC_P256);
    tpm.publicArea(app);
    CredentialBlob blob =
        MakeCredential.make(
            tpm.publicArea(Endorsement.ECC_P256),
            tpm.publicArea(Attestation.ECDSA_P256).name(),
            DIGEST,
            new SecureRandom());
    assertThat(tpm.activateCredential(Attestation.ECDSA_P256, Endorsement.ECC_P256, blob))
        .isEqualTo(DIGEST);
    tpm.certify(app, Attestation.ECDSA_P256, NONCE);
    tpm.sign(app, Tpm.SignScheme.ECDSA_SHA256, DIGEST);
    tpm.quote(Attestation.ECDSA_P256, PCR_16, NONCE);
    tpm.readPcrs(PCR_16);
    tpm.random(20);
    tpm.check();
  }

  private static void whatWorks(Tpm tpm) {
    try {
      everything(tpm);
    } catch (TpmException e) {
      assertThat(e.fault()).isNotNull(); // the fault that was put in
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "CreatePrimary 131",
        "ActivateCredential 147",
        "Certify 148",
        "NV_Read 14e",
        "PolicySecret 151",
        "Create 153",
        "Load 157",
        "Quote 158",
        "Sign 15d",
        "FlushContext 165",
        "NV_ReadPublic 169",
        "StartAuthSession 176",
        "GetCapability 17a",
        "GetRandom 17b",
        "PCR_Read 17e",
        "ReadClock 181"
      })
  void a_command_that_is_refused_or_whose_answer_is_lost_leaves_nothing_in_the_tpm(String command) {
    int code = Integer.parseInt(command.split(" ")[1], 16);
    try (TpmProxy proxy = new TpmProxy(software)) {
      try (Tpm tpm = TssTpm.open(options(proxy.tcti()))) {
        proxy.refuse(code, 1, 0x101);
        whatWorks(tpm);
        assertThat(proxy.seen()).as("the command was refused").isPositive();
        int[] times = {2};
        proxy.inject(
            code,
            (seen, answer) ->
                seen == code && times[0]-- > 0 ? answer.get().slice(0, 7) : answer.get());
        whatWorks(tpm);
        assertThat(proxy.seen()).as("an answer was lost").isPositive();
        proxy.heal();
        everything(tpm);
        assertThat(tpm.properties().loadedHandles()).isLessThanOrEqualTo(2);
      }
      assertThat(software.tool("tpm2_getcap", "handles-transient")).isEmpty();
      assertThat(software.tool("tpm2_getcap", "handles-loaded-session")).isEmpty();
      assertThat(software.tool("tpm2_getcap", "handles-saved-session")).isEmpty();
    }
  }

  @Test
  void opening_that_fails_in_any_way_leaves_no_descriptor_and_no_thread() throws IOException {
    TpmOptions gone = options("swtpm:path=/tmp/nothing-here-" + software.pid());
    TpmOptions device = options("device:/dev/null");
    try (Tpm tpm = TssTpm.lazy(options(software.tcti()))) {
      everything(tpm);
    }
    long before = 0;
    for (int i = 0; i < 20; i++) {
      if (i == 1) {
        nothingMoreThan(Long.MAX_VALUE);
        before = descriptors(); // the jars of what is used here are open now
      }
      assertFault(Fault.UNAVAILABLE, () -> TssTpm.open(gone));
      assertFault(Fault.BAD_TCTI, () -> TssTpm.open(device));
      try (Tpm tpm = TssTpm.open(options(software.tcti()))) {
        tpm.random(8);
      }
    }
    nothingMoreThan(before);
  }

  @Test
  void a_tabrmd_that_comes_and_goes_leaves_no_descriptor_and_no_thread() throws IOException {
    try (Tabrmd tabrmd = new Tabrmd()) {
      TpmOptions options = options("tabrmd:bus_type=session");
      tabrmd.start(software.tcti());
      Tpm tpm = TssTpm.open(options);
      try {
        long before = 0;
        for (int i = 0; i < 6; i++) {
          tpm.quote(Attestation.ECDSA_P256, PCR_16, NONCE);
          tabrmd.kill();
          assertFault(Fault.NO_MANAGER, () -> tpm.random(8));
          assertFault(Fault.NO_MANAGER, () -> tpm.random(8));
          tabrmd.start(software.tcti());
          tpm.random(8);
          if (i == 1) {
            before = descriptors(); // what GLib opens once is open now
          }
        }
        nothingMoreThan(before);
      } finally {
        tpm.close();
      }
    }
  }

  private static void nothingMoreThan(long before) {
    await()
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(
            () -> {
              assertThat(descriptors()).isLessThanOrEqualTo(before);
              assertThat(
                      Thread.getAllStackTraces().keySet().stream()
                          .filter(thread -> thread.getName().equals("tpm-owner"))
                          .count())
                  .isLessThanOrEqualTo(1);
            });
  }

  private static long descriptors() throws IOException {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return open.count();
    }
  }
}
