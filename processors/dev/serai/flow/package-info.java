/**
 * What has just happened, in memory and bounded: the steps each flow went through, by trace id, and
 * the events of nodes, breakers and the agent. Knows names, times and reason codes; never looks at
 * what a message holds, so that nothing shown from here can be a secret. Knows no capability.
 */
package dev.serai.flow;
