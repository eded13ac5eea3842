package dev.serai.watching;

/** What a verifier can be asked; the name is what routes choose by. */
public enum VerifierOperation {
  VERSION,
  LIST,
  APPRAISE,
  /** A nonce for evidence in the prototype's form. */
  NONCE,
  /** Evidence in the prototype's form. */
  EVIDENCE
}
