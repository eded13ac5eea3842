/**
 * The verbs that talk to a running process: over the admin socket, the Workload API socket and the
 * management port. Knows their protocols, and no role's inside.
 */
package dev.serai.cli;
