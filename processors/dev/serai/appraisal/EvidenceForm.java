package dev.serai.appraisal;

/**
 * How the pieces of evidence are tied together. Both forms pass the same checks in the same order;
 * they differ in what the certify's qualifying data is made of and in who sees the CSR.
 */
public enum EvidenceForm {
  /** Serai's own: the certify covers nonce, App Key and CSR. Only this one leads to an identity. */
  NATIVE,
  /**
   * The sovereign prototype's delegated certification: the certify covers the App Key's PEM text
   * and the nonce's text. The CSR, where one is sent, has to be the App Key's; where none is sent,
   * whoever signs compares its own CSR with the key that is answered. A location is not in the
   * certify: the quote has to show that PCR 15 was extended with it.
   */
  DELEGATED
}
