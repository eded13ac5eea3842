package dev.serai.enrolment;

/** Why an endorsement key is believed. There is no third way. */
enum EkTrustBasis {
  /** Its certificate leads to an authority of the store. */
  CERTIFICATE,
  /** An administrator named its Name. */
  ALLOW_LIST
}
