/**
 * The process as a service of its machine: what the service manager is told, the self-check behind
 * its watchdog, signals, and the local door through which a reload is asked for. Knows nothing of
 * roles, routes or Camel.
 */
package dev.serai.service;
