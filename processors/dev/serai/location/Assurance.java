package dev.serai.location;

/** How far a location can be believed. */
public enum Assurance {
  /** The node's own word, bound by its TPM: this host said so. */
  CLAIMED,
  /** A GNSS receiver of the node says it, bound by its TPM. */
  GNSS,
  /** The operator of the mobile network has the device in the area. */
  OPERATOR_VERIFIED,
  /** Receiver and operator agree. */
  BOTH;

  /** The word in claims and policies, for instance {@code operator-verified}. */
  public String word() {
    return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
  }

  /**
   * Whether it is at least the other. A receiver does not stand in for the operator, nor it for
   * one.
   */
  public boolean meets(Assurance wanted) {
    return this == wanted || wanted == CLAIMED || this == BOTH;
  }
}
