/**
 * Circuit breakers: one for each node that is asked for quotes and one for each provider that other
 * flows depend on (a role in another process, later an operator of a mobile network). They know
 * their state and when they try again, and nothing of what they guard.
 */
package dev.serai.breaker;
