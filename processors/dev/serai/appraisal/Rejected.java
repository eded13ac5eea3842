package dev.serai.appraisal;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import java.util.List;

/** The evidence does not convince. The first reason is the one to answer with. */
public record Rejected(String nodeId, List<Reason> reasons) implements Verdict {
  public Rejected {
    reasons = List.copyOf(reasons);
    if (reasons.isEmpty()) {
      throw new IllegalArgumentException("a rejection has a reason");
    }
  }

  public Rejected(String nodeId, ReasonCode code, String detail) {
    this(nodeId, List.of(new Reason(code, detail)));
  }

  /** The reason to answer with. */
  public Reason first() {
    return reasons.get(0);
  }
}
