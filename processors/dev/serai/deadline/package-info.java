/**
 * One deadline for one flow: what its caller gives it bounds every call that is made for it, so
 * that an inner call always ends before the outer one, and nobody works for a caller who is gone.
 */
package dev.serai.deadline;
