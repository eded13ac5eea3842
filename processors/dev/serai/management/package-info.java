/**
 * What operators look at: health as JSON, meters for Prometheus, the Hawtio console. Served from
 * memory by a server of its own that depends on no route and waits for nothing, so that it still
 * answers when everything else is stuck. Knows no capability.
 */
package dev.serai.management;
