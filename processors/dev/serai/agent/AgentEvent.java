package dev.serai.agent;

import dev.serai.reason.Reason;
import java.util.Optional;

/** What happened to the agent. */
public sealed interface AgentEvent {

  /** The TPM answers. enrolled: its EK and AK are those the registrar has accepted before. */
  record TpmOpened(boolean enrolled) implements AgentEvent {}

  /** The registrar activated the node. */
  record Enrolled() implements AgentEvent {}

  /** The App Key is loaded. stored: an SVID for this very key, kept from before. */
  record AppKeyReady(Optional<SvidFacts> stored) implements AgentEvent {}

  /** The issuer gave an SVID. */
  record SvidIssued(SvidFacts svid) implements AgentEvent {}

  /** An action gave nothing. */
  record ActionFailed(AgentAction action, Reason reason) implements AgentEvent {}

  /** The issuer refused this node outside of an attestation. */
  record NodeRefused(Reason reason) implements AgentEvent {}

  /** The TPM stopped answering outside of an action. */
  record TpmLost(Reason reason) implements AgentEvent {}
}
