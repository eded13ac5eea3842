package dev.serai.appraisal;

import dev.serai.reason.Judged;
import dev.serai.reason.Reason;
import java.util.List;

/** The result of an appraisal. */
public sealed interface Verdict extends Judged permits Trusted, Rejected {

  /** The node the evidence is of; empty when the evidence does not even say so. */
  String nodeId();

  /** Empty when trusted. */
  @Override
  List<Reason> reasons();

  /** For routes: {@code ${body.trusted}}. */
  default boolean isTrusted() {
    return this instanceof Trusted;
  }
}
