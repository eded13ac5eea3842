package dev.serai.agent;

import dev.serai.reason.Reason;
import java.time.Instant;
import java.util.Optional;

/** Where the agent stands, as health, metrics, the command line and workloads see it. */
public sealed interface AgentState {

  /** The stable name. */
  String name();

  /** Why it is not attested; empty when it is, or has only begun. */
  default Optional<Reason> reason() {
    return Optional.empty();
  }

  /** When it tries again by itself. */
  default Optional<Instant> nextTry() {
    return Optional.empty();
  }

  /** Nothing is known yet. */
  record Starting() implements AgentState {
    @Override
    public String name() {
      return "STARTING";
    }
  }

  /** The TPM does not answer; it is opened again for ever. */
  record TpmUnavailable(Reason cause, Instant next) implements AgentState {
    @Override
    public String name() {
      return "TPM_UNAVAILABLE";
    }

    @Override
    public Optional<Reason> reason() {
      return Optional.of(cause);
    }

    @Override
    public Optional<Instant> nextTry() {
      return Optional.of(next);
    }
  }

  /** The registrar has not accepted this TPM yet. */
  record Unregistered() implements AgentState {
    @Override
    public String name() {
      return "UNREGISTERED";
    }
  }

  /** Something has not come yet and may still come. */
  record Waiting(Reason cause, Instant next) implements AgentState {
    @Override
    public String name() {
      return "WAITING";
    }

    @Override
    public Optional<Reason> reason() {
      return Optional.of(cause);
    }

    @Override
    public Optional<Instant> nextTry() {
      return Optional.of(next);
    }
  }

  /** The issuer accepted the proof; the SVID is good until it ends. */
  record Attested(SvidFacts svid) implements AgentState {
    @Override
    public String name() {
      return "ATTESTED";
    }
  }

  /** Somebody who may say so said no; asked again slowly. */
  record Denied(Reason cause, Instant next) implements AgentState {
    @Override
    public String name() {
      return "DENIED";
    }

    @Override
    public Optional<Reason> reason() {
      return Optional.of(cause);
    }

    @Override
    public Optional<Instant> nextTry() {
      return Optional.of(next);
    }
  }
}
