package dev.serai.appraisal;

/**
 * Keeps the baseline of each node. A node's baseline ends with its record: a node that enrols again
 * after deletion starts from {@link Baseline#NONE}.
 */
public interface BaselineStore {

  /** {@link Baseline#NONE} when nothing is stored. */
  Baseline load(String nodeId);

  /** On disk when this returns. */
  void save(String nodeId, Baseline baseline);
}
