/**
 * The verifier role beside the judging itself: which nodes are looked at and when, how their quotes
 * are fetched, what is remembered of the verdicts, and that the issuer hears of every change. A
 * node stays proven only as long as it keeps proving itself: whatever goes wrong on our side or on
 * the way, the proof runs out.
 */
package dev.serai.watching;
