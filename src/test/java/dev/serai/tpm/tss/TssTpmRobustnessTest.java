package dev.serai.tpm.tss;

import static dev.serai.tpm.tss.TssTpmTest.assertFault;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.testing.SwTpm;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.KeyRef.Attestation;
import dev.serai.tpm.KeyRef.Endorsement;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import dev.serai.tpm.TpmOperationListener;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.CredentialBlob;
import dev.serai.tpm.wire.MakeCredential;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmtPublic;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What happens when the TPM dies, hangs, is reset, is full, or is used by many at once. */
class TssTpmRobustnessTest {
  private static final PcrSelection PCRS = PcrSelection.of(TpmHash.SHA256, 0, 7, 16);
  private static final Bytes NONCE = Bytes.ofHex("a5".repeat(32));
  private static final Bytes DIGEST = Bytes.ofHex("11".repeat(32));
  private static final Duration SHORT = Duration.ofMillis(700);

  private SwTpm software;
  private Tpm tpm;

  @BeforeEach
  void start() {
    software = SwTpm.provisioned();
    tpm = TssTpm.open(options());
  }

  @AfterEach
  void end() {
    tpm.close();
    software.close();
  }

  private TpmOptions options() {
    return TpmOptions.defaults().withTcti(software.tcti()).withAllowSoftware(true);
  }

  private Tpm.Attested quote() {
    return tpm.quote(Attestation.ECDSA_P256, PCRS, NONCE);
  }

  @Test
  void killed_it_is_unavailable_and_restarted_it_quotes_with_the_same_key() {
    TpmtPublic before = tpm.publicArea(Attestation.ECDSA_P256);
    quote();
    software.kill();
    assertFault(Fault.UNAVAILABLE, this::quote);
    assertFault(Fault.UNAVAILABLE, this::quote);
    software.restart();
    quote();
    assertThat(tpm.publicArea(Attestation.ECDSA_P256)).isEqualTo(before);
    assertThat(tpm.properties().loadedHandles()).isEqualTo(1);
  }

  @Test
  void killed_in_the_middle_of_quotes_and_started_again_it_recovers() throws Exception {
    KeyRef.App app = tpm.createAppKey(Tpm.AppKeyType.ECC_P256);
    Queue<TpmException> failures = new ConcurrentLinkedQueue<>();
    for (int round = 0; round < 5; round++) {
      CountDownLatch some = new CountDownLatch(20);
      CompletableFuture<Void> running =
          CompletableFuture.runAsync(
              () -> {
                while (failures.isEmpty()) {
                  try {
                    quote();
                    some.countDown();
                  } catch (TpmException e) {
                    failures.add(e);
                  }
                }
              });
      assertThat(some.await(60, TimeUnit.SECONDS)).isTrue();
      software.kill();
      running.get(60, TimeUnit.SECONDS);
      assertThat(failures).extracting(TpmException::fault).containsOnly(Fault.UNAVAILABLE);
      failures.clear();
      software.restart();
      quote();
      tpm.sign(app, Tpm.SignScheme.ECDSA_SHA256, DIGEST);
    }
    assertThat(tpm.properties().loadedHandles()).isEqualTo(2);
  }

  @Test
  void a_reset_behind_its_back_is_mended_within_the_call() {
    KeyRef.App app = tpm.createAppKey(Tpm.AppKeyType.ECC_P256);
    tpm.sign(app, Tpm.SignScheme.ECDSA_SHA256, DIGEST);
    quote();
    software.reset();
    quote();
    tpm.sign(app, Tpm.SignScheme.ECDSA_SHA256, DIGEST);
    software.kill();
    software.restart();
    tpm.certify(app, Attestation.ECDSA_P256, NONCE);
  }

  @Test
  void a_hanging_tpm_costs_a_deadline_and_an_answer_later_brings_everything_back() {
    tpm.close();
    tpm = TssTpm.open(options().withDeadlines(SHORT, SHORT.multipliedBy(2)).withMaxLostThreads(2));
    quote();
    software.stop();
    long began = System.nanoTime();
    assertFault(Fault.WEDGED, this::quote);
    assertThat(Duration.ofNanos(System.nanoTime() - began))
        .isBetween(SHORT.minusMillis(50), SHORT.plusSeconds(30));
    assertFault(Fault.WEDGED, this::quote);
    long threads = owners();
    assertFault(Fault.WEDGED, this::quote);
    assertThat(owners()).as("without a third thread").isEqualTo(threads);
    software.cont();
    await().atMost(Duration.ofSeconds(60)).ignoreExceptions().until(() -> quote() != null);
    tpm.close();
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> software.tool("tpm2_getcap", "handles-transient").isEmpty());
  }

  @Test
  void a_hanging_tpm_does_not_hold_up_close() {
    tpm.close();
    tpm = TssTpm.open(options().withDeadlines(SHORT, SHORT));
    software.stop();
    assertFault(Fault.WEDGED, () -> tpm.random(8));
    long began = System.nanoTime();
    tpm.close();
    assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(30));
    software.cont();
  }

  @Test
  void a_call_that_waits_behind_a_slow_one_gives_up_alone() throws Exception {
    tpm.close();
    tpm = TssTpm.open(options().withDeadlines(SHORT, Duration.ofSeconds(30)));
    software.stop();
    CompletableFuture<TpmtPublic> slow =
        CompletableFuture.supplyAsync(() -> tpm.publicArea(Attestation.ECDSA_P256));
    await().until(() -> threadIsIn("createPrimary"));
    assertFault(Fault.TIMEOUT, () -> tpm.random(8));
    assertFault(Fault.TIMEOUT, () -> tpm.random(8));
    software.cont();
    assertThat(slow.get(60, TimeUnit.SECONDS)).isNotNull();
    assertThat(tpm.random(8).size()).isEqualTo(8);
    assertThat(tpm.properties().loadedHandles()).isEqualTo(1);
  }

  private static long owners() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("tpm-owner"))
        .count();
  }

  private static boolean threadIsIn(String method) {
    return Thread.getAllStackTraces().entrySet().stream()
        .filter(thread -> thread.getKey().getName().equals("tpm-owner"))
        .flatMap(thread -> java.util.Arrays.stream(thread.getValue()))
        .anyMatch(frame -> frame.getMethodName().equals(method));
  }

  @Test
  void opened_without_a_tpm_it_fails_and_works_once_there_is_one() {
    tpm.close();
    software.kill();
    assertFault(Fault.UNAVAILABLE, () -> TssTpm.open(options()));
    tpm = TssTpm.lazy(options());
    assertFault(Fault.UNAVAILABLE, () -> tpm.random(8));
    software.restart();
    assertThat(tpm.random(8).size()).isEqualTo(8);
  }

  @Test
  void keys_left_behind_by_a_killed_process_do_not_fill_the_tpm() {
    for (int i = 0; i < 2; i++) {
      software.tool("bash", "-c", "cd $(mktemp -d) && tpm2_createprimary -Q -c p.ctx");
    }
    assertThat(software.tool("tpm2_getcap", "handles-transient").lines()).hasSize(2);
    KeyRef.App app = tpm.createAppKey(Tpm.AppKeyType.ECC_P256);
    tpm.certify(app, Attestation.ECDSA_P256, NONCE);
    assertThat(tpm.properties().loadedHandles()).isEqualTo(2);
  }

  @Test
  void wrong_passwords_of_others_do_not_stop_our_keys() {
    quote();
    KeyRef.App app = tpm.createAppKey(Tpm.AppKeyType.ECC_P256);
    software.guessPasswords();
    assertThat(tpm.properties().lockout()).isTrue();
    quote();
    tpm.sign(app, Tpm.SignScheme.ECDSA_SHA256, DIGEST);
  }

  @Test
  void many_callers_share_one_owner() {
    KeyRef.App app = tpm.createAppKey(Tpm.AppKeyType.ECC_P256);
    List<CompletableFuture<Void>> callers =
        IntStream.range(0, 16)
            .mapToObj(
                caller ->
                    CompletableFuture.runAsync(
                        () -> {
                          for (int i = 0; i < 10; i++) {
                            quote();
                            tpm.sign(app, Tpm.SignScheme.ECDSA_SHA256, DIGEST);
                            tpm.random(16);
                          }
                        }))
            .toList();
    callers.forEach(CompletableFuture::join);
    assertThat(tpm.properties().loadedHandles()).isEqualTo(2);
  }

  @Test
  void the_listener_hears_of_success_and_of_the_fault() {
    Queue<String> heard = new ConcurrentLinkedQueue<>();
    tpm.close();
    tpm =
        TssTpm.open(
            options()
                .withListener(
                    (operation, fault, took) ->
                        heard.add(operation + " " + fault.map(Enum::name).orElse("ok"))));
    tpm.random(8);
    software.kill();
    assertFault(Fault.UNAVAILABLE, () -> tpm.random(8));
    assertThat(heard).containsExactly("open ok", "random ok", "random UNAVAILABLE");
  }

  @Test
  void a_thousand_operations_leave_as_many_handles_as_before() {
    KeyRef.App app = tpm.createAppKey(Tpm.AppKeyType.ECC_P256);
    CredentialBlob blob =
        MakeCredential.make(
            tpm.publicArea(Endorsement.ECC_P256),
            tpm.publicArea(Attestation.ECDSA_P256).name(),
            DIGEST,
            new SecureRandom());
    round(app, blob, 0);
    int before = tpm.properties().loadedHandles();
    for (int i = 1; i <= 125; i++) {
      round(app, blob, i); // eight operations
    }
    assertThat(tpm.properties().loadedHandles()).isEqualTo(before).isLessThanOrEqualTo(2);
    assertThat(software.tool("tpm2_getcap", "handles-transient").lines()).hasSize(before);
    assertThat(software.tool("tpm2_getcap", "handles-loaded-session")).isEmpty();
    tpm.close();
    assertThat(software.tool("tpm2_getcap", "handles-transient")).isEmpty();
  }

  private void round(KeyRef.App app, CredentialBlob blob, int number) {
    tpm.random(20);
    tpm.readPcrs(PCRS);
    tpm.clock();
    tpm.certify(app, Attestation.ECDSA_P256, NONCE);
    tpm.sign(app, Tpm.SignScheme.ECDSA_SHA256, DIGEST);
    quote();
    if (number % 10 == 0) {
      tpm.activateCredential(Attestation.ECDSA_P256, Endorsement.ECC_P256, blob);
      assertFault(
          Fault.INTEGRITY,
          () ->
              tpm.activateCredential(
                  Attestation.ECDSA_P256,
                  Endorsement.ECC_P256,
                  new CredentialBlob(flipped(blob.idObject()), blob.encryptedSecret())));
    } else {
      tpm.endorsementCertificates(Endorsement.ECC_P256);
      tpm.properties();
    }
    tpm.sign(app, Tpm.SignScheme.ECDSA_SHA256, DIGEST);
  }

  private static Bytes flipped(Bytes content) {
    byte[] copy = content.toArray();
    copy[copy.length - 1] ^= 1;
    return Bytes.copyOf(copy);
  }

  @Test
  void a_caller_in_a_hurry_leaves_early_and_the_tpm_is_not_blamed_before_its_own_bound() {
    AtomicReference<Optional<Duration>> patience = new AtomicReference<>(Optional.empty());
    TpmOperationListener caller =
        new TpmOperationListener() {
          @Override
          public void finished(String operation, Optional<Fault> fault, Duration took) {}

          @Override
          public Optional<Duration> patience() {
            return patience.get();
          }
        };
    try (TssTpm hurried = TssTpm.open(options().withListener(caller).withMaxLostThreads(1))) {
      hurried.quote(Attestation.ECDSA_P256, PCRS, NONCE);
      software.stop();
      patience.set(Optional.of(Duration.ofMillis(200)));
      for (int i = 0; i < 3; i++) { // with one lost thread the fourth would be refused unasked
        assertFault(Fault.EXPIRED, () -> hurried.quote(Attestation.ECDSA_P256, PCRS, NONCE));
      }
      software.cont();
      patience.set(Optional.empty());
      hurried.quote(Attestation.ECDSA_P256, PCRS, NONCE);
    }
  }

  @Test
  void a_call_that_hangs_after_its_caller_left_is_given_up_by_the_next() {
    AtomicReference<Optional<Duration>> patience = new AtomicReference<>(Optional.empty());
    TpmOperationListener caller =
        new TpmOperationListener() {
          @Override
          public void finished(String operation, Optional<Fault> fault, Duration took) {}

          @Override
          public Optional<Duration> patience() {
            return patience.get();
          }
        };
    try (TssTpm hurried =
        TssTpm.open(options().withListener(caller).withDeadlines(SHORT, SHORT.multipliedBy(20)))) {
      hurried.quote(Attestation.ECDSA_P256, PCRS, NONCE);
      software.stop();
      patience.set(Optional.of(Duration.ofMillis(100)));
      assertFault(Fault.EXPIRED, () -> hurried.random(8));
      patience.set(Optional.empty());
      assertFault(Fault.WEDGED, () -> hurried.random(8));
      patience.set(Optional.of(Duration.ofMillis(100)));
      assertFault(Fault.WEDGED, () -> hurried.random(8)); // not that of a hasty caller any more
      patience.set(Optional.empty());
      software.cont();
      await()
          .ignoreExceptions()
          .untilAsserted(() -> assertThat(hurried.random(8).size()).isEqualTo(8));
    }
  }
}
