package dev.serai.tpm.tss;

import static dev.serai.tpm.tss.TssTpmTest.assertFault;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.testing.SwTpm;
import dev.serai.testing.TpmProxy;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.KeyRef.Attestation;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrSelection;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers that a healthy TPM does not give, put in by a proxy. */
class TssTpmFaultsTest {
  private static final PcrSelection PCR_16 = PcrSelection.of(TpmHash.SHA256, 16);
  private static final Bytes NONCE = Bytes.ofHex("a5".repeat(32));

  private SwTpm software;
  private TpmProxy proxy;
  private Tpm tpm;

  @BeforeEach
  void start() {
    software = SwTpm.blank();
    proxy = new TpmProxy(software);
    open(Duration.ofSeconds(30));
  }

  private void open(Duration deadline) {
    tpm =
        TssTpm.open(
            TpmOptions.defaults()
                .withTcti(proxy.tcti())
                .withAllowSoftware(true)
                .withDeadlines(deadline, deadline.multipliedBy(2)));
    quote();
  }

  @AfterEach
  void end() {
    proxy.heal();
    tpm.close();
    assertThat(software.tool("tpm2_getcap", "handles-transient")).isEmpty();
    proxy.close();
    software.close();
  }

  private Tpm.Attested quote() {
    return tpm.quote(Attestation.ECDSA_P256, PCR_16, NONCE);
  }

  @ParameterizedTest
  @CsvSource({"0x922, 7", "0x90a, 7", "0x908, 7", "0x909, 4", "0x920, 4", "0x923, 4"})
  void a_tpm_that_asks_for_another_try_gets_it(String code, int times) {
    proxy.refuse(TpmProxy.QUOTE, times, Integer.decode(code));
    assertThat(quote()).isNotNull();
    assertThat(proxy.seen()).isEqualTo(times + 1);
  }

  @Test
  void a_tpm_that_asks_for_ever_is_given_up_before_the_deadline() {
    tpm.close();
    open(Duration.ofSeconds(4));
    proxy.refuse(TpmProxy.QUOTE, Integer.MAX_VALUE, 0x922);
    long began = System.nanoTime();
    assertFault(Fault.RETRY, this::quote);
    assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(30));
    proxy.heal();
    assertThat(quote()).isNotNull();
  }

  @ParameterizedTest
  @CsvSource({
    "0x98e, AUTH",
    "0x9a2, AUTH",
    "0x921, LOCKOUT",
    "0x1df, INTEGRITY",
    "0x3e0, COMMAND",
    "0xb0143, COMMAND"
  })
  void each_refusal_has_its_fault_and_the_context_lives(String hex, Fault fault) {
    int code = Integer.decode(hex);
    proxy.refuse(TpmProxy.QUOTE, 1, code);
    assertThatThrownBy(this::quote)
        .isInstanceOfSatisfying(
            TpmException.class,
            e -> {
              assertThat(e.fault()).isEqualTo(fault);
              assertThat(e.responseCode()).isEqualTo(code);
            })
        .hasMessageContaining("Esys_Quote");
    assertThat(proxy.seen()).isEqualTo(1);
    proxy.inject(TpmProxy.CREATE_PRIMARY, (command, answer) -> answer.get());
    assertThat(quote()).isNotNull();
    assertThat(proxy.seen()).as("the key stayed loaded").isZero();
  }

  @ParameterizedTest
  @ValueSource(ints = {0x902, 0x903, 0x910, 0x18b})
  void a_full_tpm_or_a_lost_key_is_mended_within_the_call(int code) {
    proxy.refuse(TpmProxy.QUOTE, 1, code);
    assertThat(quote()).isNotNull();
    assertThat(proxy.seen()).isEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(ints = {7, 10, 12, 60})
  void a_cut_answer_costs_the_context_and_not_the_call(int length) {
    AtomicInteger times = new AtomicInteger(1);
    proxy.inject(
        TpmProxy.QUOTE,
        (command, answer) -> {
          Bytes whole = answer.get();
          return command == TpmProxy.QUOTE && times.getAndDecrement() > 0
              ? cut(whole, length)
              : whole;
        });
    assertThat(quote()).isNotNull();
    assertThat(proxy.seen()).isEqualTo(2);
  }

  @Test
  void answers_that_are_always_damaged_are_an_unavailable_tpm_and_leave_no_keys_behind() {
    proxy.inject(
        TpmProxy.QUOTE,
        (command, answer) -> command == TpmProxy.QUOTE ? cut(answer.get(), 30) : answer.get());
    for (int i = 0; i < 5; i++) {
      assertFault(Fault.UNAVAILABLE, this::quote);
    }
    proxy.heal();
    assertThat(quote()).isNotNull();
    KeyRef.App app = tpm.createAppKey(Tpm.AppKeyType.ECC_P256);
    tpm.certify(app, Attestation.ECDSA_P256, NONCE);
    tpm.createAppKey(Tpm.AppKeyType.ECC_P256);
  }

  @Test
  void an_extend_whose_answer_is_lost_is_not_sent_twice() {
    Bytes before = tpm.readPcrs(PCR_16).get(TpmHash.SHA256).get(16);
    proxy.inject(
        TpmProxy.PCR_EXTEND,
        (command, answer) -> command == TpmProxy.PCR_EXTEND ? cut(answer.get(), 7) : answer.get());
    assertFault(Fault.UNAVAILABLE, () -> tpm.extendPcr(16, TpmHash.SHA256, NONCE));
    assertThat(proxy.seen()).isEqualTo(1);
    proxy.heal();
    java.security.MessageDigest digest = TpmHash.SHA256.newDigest();
    before.writeTo(digest);
    NONCE.writeTo(digest);
    assertThat(tpm.readPcrs(PCR_16).get(TpmHash.SHA256).get(16))
        .isEqualTo(Bytes.copyOf(digest.digest()));
  }

  @Test
  void a_hierarchy_with_a_password_is_an_authorization_fault() {
    tpm.close();
    tpm = TssTpm.open(TpmOptions.defaults().withTcti(proxy.tcti()).withAllowSoftware(true));
    software.tool("tpm2_changeauth", "-c", "owner", "secret");
    assertFault(Fault.AUTH, () -> tpm.createAppKey(Tpm.AppKeyType.ECC_P256));
    assertThat(quote()).isNotNull();
  }

  /** The header keeps the full length, or says the short one when even that is cut. */
  private static Bytes cut(Bytes whole, int length) {
    Bytes kept = whole.slice(0, Math.min(length, whole.size()));
    return length < 10
        ? kept
        : Bytes.concat(
            kept.slice(0, 2), Bytes.ofHex("%08x".formatted(length)), kept.slice(6, length - 6));
  }
}
