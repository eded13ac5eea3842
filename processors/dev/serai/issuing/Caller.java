package dev.serai.issuing;

import dev.serai.spiffe.SpiffeId;
import java.security.cert.X509Certificate;

/** Who makes a call, as far as it was proven. The exchange variable {@value #VARIABLE}. */
sealed interface Caller {
  /** Where the first step of every rpc route leaves it. */
  String VARIABLE = "caller";

  /** Whom rate limits count; an address, not a port. */
  String origin();

  /** For the audit log: a proven name, nothing personal. */
  String actor();

  /** A process with access to the admin socket. */
  record Local(int uid, int pid) implements Caller {
    @Override
    public String origin() {
      return "local";
    }

    @Override
    public String actor() {
      return "uid:" + uid;
    }
  }

  /** An attested node that is not refused. */
  record Agent(AttestedNode node, X509Certificate leaf, String origin) implements Caller {
    @Override
    public String actor() {
      return node.id().toString();
    }
  }

  /** A role process with an identity of its own. */
  record RoleProcess(SpiffeId id, String origin) implements Caller {
    @Override
    public String actor() {
      return id.toString();
    }
  }

  /** Nothing was asked for. */
  record Anybody(String origin) implements Caller {
    @Override
    public String actor() {
      return "anybody";
    }
  }
}
