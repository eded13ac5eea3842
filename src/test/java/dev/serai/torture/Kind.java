package dev.serai.torture;

/** What can happen to a site. */
enum Kind {
  KILL_SERVERS("kill -9 of issuer and registrar"),
  KILL_VERIFIER("kill -9 of the verifier"),
  KILL_AGENT("kill -9 of the agent"),
  STATE_LOST("kill -9 of the agent, its enrolment lost, the registrar answers 429 meanwhile"),
  TPM_KILLED("the TPM's process killed, power cycled"),
  TPM_STOPPED("the TPM stopped in the middle (SIGSTOP)"),
  TPM_RESET("the TPM reset while it works on a command"),
  PCR_CHANGED("a PCR extended: the node is no longer what it was", true),
  DATABASE_LOCKED("a database locked by another process"),
  DISK_FULL("the disk of issuer and registrar full to the last byte"),
  CLOCK_FORWARD("all clocks jump forward and come back", true),
  CLOCK_BACK("all clocks jump back and come forward again", true),
  PARTITION("one machine cut off"),
  LINK_SLOW("eight kilobits a second to one machine"),
  PEER_SLOW("one byte a second from a peer"),
  PEER_LATE("every piece 300 ms late on all hops"),
  PEER_CUT("connections of a hop cut, new ones too"),
  PEER_HALF_CLOSED("a peer stops talking in the middle"),
  PEER_GARBAGE("a peer answers noise"),
  PEER_429("a peer answers 429"),
  FLOOD("hundreds of silent connections to every listener"),
  IDLE_WORKLOADS("ten thousand idle Workload API connections", true),
  ROTATION("a signing authority rotated under load", true);

  private final String what;
  private final boolean alone;

  Kind(String what) {
    this(what, false);
  }

  Kind(String what, boolean alone) {
    this.what = what;
    this.alone = alone;
  }

  String what() {
    return what;
  }

  /** Not together with another one, for its outcome is looked at. */
  boolean alone() {
    return alone;
  }

  /** Both would strike the same thing, and one would heal the other. */
  boolean clashesWith(Kind other) {
    return alone || other.alone || family().equals(other.family());
  }

  private String family() {
    return switch (this) {
      case KILL_AGENT, STATE_LOST, IDLE_WORKLOADS -> "agent";
      case KILL_SERVERS, DISK_FULL, DATABASE_LOCKED -> "servers";
      case KILL_VERIFIER -> "verifier";
      case TPM_KILLED, TPM_STOPPED, TPM_RESET, PCR_CHANGED -> "tpm";
      case FLOOD -> "flood";
      case CLOCK_BACK, CLOCK_FORWARD, ROTATION -> "clock";
      case PARTITION,
          LINK_SLOW,
          PEER_SLOW,
          PEER_LATE,
          PEER_CUT,
          PEER_HALF_CLOSED,
          PEER_GARBAGE,
          PEER_429 ->
          "network";
    };
  }
}
