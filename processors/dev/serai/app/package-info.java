/**
 * Start-up and wiring of a process: settings, roles, routes, refusals, logs. Knows every capability
 * by name; no capability knows this package.
 */
package dev.serai.app;
