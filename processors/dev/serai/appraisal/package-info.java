/**
 * Judges evidence of a node: pure cores without clock, I/O or logger, and the thin steps of route
 * {@code appraise-evidence}. Only {@link dev.serai.appraisal.Trusted} leads to an identity, and
 * only this package makes one. Knows nothing of who asks or what is issued.
 */
package dev.serai.appraisal;
