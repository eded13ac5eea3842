package dev.serai.agent;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.TpmReasons;
import dev.serai.tpm.DictionaryAttack;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmException;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Route step: looks whether the TPM in use still answers and is still ours alone. Trouble changes
 * the agent's life, which opens the TPM again when that is mended. A TPM that is not open is left
 * alone: whoever opens it says why that fails.
 */
final class WatchTpmProcessor implements Processor {
  private static final Logger LOG = LoggerFactory.getLogger(WatchTpmProcessor.class);

  private final Tpm tpm;
  private final AgentStatus status;
  private volatile boolean lockout;

  WatchTpmProcessor(Tpm tpm, AgentStatus status, MeterRegistry meters) {
    this.tpm = tpm;
    this.status = status;
    Gauge.builder("serai.tpm.lockout", this, watch -> watch.lockout ? 1 : 0)
        .description("1 while the TPM is in dictionary attack lockout")
        .register(meters);
  }

  @Override
  public void process(Exchange exchange) {
    AgentState state = status.state();
    if (state instanceof AgentState.Starting || state instanceof AgentState.TpmUnavailable) {
      return;
    }
    try {
      tpm.check();
      note(tpm.properties().dictionaryAttack());
    } catch (TpmException e) {
      if (e.fault() != TpmException.Fault.TIMEOUT) { // many callers are no fault of the TPM
        status.on(new AgentEvent.TpmLost(TpmReasons.of(e)));
      }
    }
  }

  /** Our own keys are exempt; the operator wants to know who guesses passwords. */
  private void note(DictionaryAttack attack) {
    if (attack.locked() && !lockout) {
      LOG.warn(
          "{}: {} wrong passwords by some program; Serai's keys are exempt; ends within {} s |"
              + " remedy: {}",
          ReasonCode.TPM_LOCKOUT,
          attack.failures(),
          attack.healsWithin().orElseThrow().toSeconds(),
          ReasonCode.TPM_LOCKOUT.remedy());
    }
    lockout = attack.locked();
  }
}
