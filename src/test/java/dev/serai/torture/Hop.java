package dev.serai.torture;

/** A way from one role to another. Each has a proxy on it. */
enum Hop {
  AGENT_TO_ISSUER(Host.AGENT, Host.SERVERS),
  VERIFIER_TO_ISSUER(Host.VERIFIER, Host.SERVERS),
  ISSUER_TO_VERIFIER(Host.SERVERS, Host.VERIFIER),
  VERIFIER_TO_REGISTRAR(Host.VERIFIER, Host.SERVERS),
  AGENT_TO_REGISTRAR(Host.AGENT, Host.SERVERS),
  VERIFIER_TO_AGENT(Host.VERIFIER, Host.AGENT);

  private final Host from;
  private final Host to;

  Hop(Host from, Host to) {
    this.from = from;
    this.to = to;
  }

  boolean touches(Host host) {
    return from == host || to == host;
  }

  /** A machine of the site. */
  enum Host {
    SERVERS("issuer,registrar", 11),
    VERIFIER("verifier", 12),
    AGENT("agent", 13);

    private final String roles;
    private final int address;

    Host(String roles, int address) {
      this.roles = roles;
      this.address = address;
    }

    String roles() {
      return roles;
    }

    /** The last number of its address. */
    int address() {
      return address;
    }

    String shortName() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }
}
