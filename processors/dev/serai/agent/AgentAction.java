package dev.serai.agent;

import java.util.Optional;

/** What the agent does next; each but {@link #REST} is a route. */
public enum AgentAction {
  /** Open the TPM and read which keys it holds. */
  OPEN_TPM("open-tpm"),
  /** Register with the registrar and prove the AK to be in this TPM. */
  ENROL("enrol-agent"),
  /** Load the App Key, or make it. */
  PREPARE_APP_KEY("prepare-app-key"),
  /** Prove this machine to the issuer. */
  ATTEST("attest-to-issuer"),
  /** Prove it again before the SVID ends. */
  RENEW("renew-agent"),
  /** Nothing is due. */
  REST("");

  private final String route;

  AgentAction(String route) {
    this.route = route;
  }

  /** The route that does it. */
  public Optional<String> route() {
    return route.isEmpty() ? Optional.empty() : Optional.of(route);
  }
}
