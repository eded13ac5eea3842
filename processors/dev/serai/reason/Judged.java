package dev.serai.reason;

import java.util.List;

/** A message that carries a judgement, under way or final. */
public interface Judged {

  /** Why not; empty as long as nothing speaks against it. The first is the one to answer with. */
  List<Reason> reasons();
}
