package dev.serai.enrolment;

/** What a registrar can be asked; the name is what routes choose by. */
enum RegistrarOperation {
  VERSION("read_version", true),
  ENROL("create_agent", true),
  ACTIVATE("activate_agent", true),
  LIST("list_agents", false),
  SHOW("read_agent", false),
  DELETE("delete_agent", false),
  /** Serai's own: a record as other roles of other processes need it. */
  LOOKUP("read_agent", false);

  private final String keylimeName;
  private final boolean open;

  RegistrarOperation(String keylimeName, boolean open) {
    this.keylimeName = keylimeName;
    this.open = open;
  }

  /** The action's name in Keylime's refusals. */
  String keylimeName() {
    return keylimeName;
  }

  /** Anyone may ask, without TLS and without a certificate. */
  boolean open() {
    return open;
  }
}
