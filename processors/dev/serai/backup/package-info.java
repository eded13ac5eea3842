/**
 * The state of a process in one file, taken while it runs, and put back. Knows which files belong
 * to the state and what an older state must not bring back; nothing of the roles.
 */
package dev.serai.backup;
