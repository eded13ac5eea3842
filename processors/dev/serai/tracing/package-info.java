/**
 * Spans of routes and of the calls between them, for a collector that speaks OTLP. Off by default:
 * nothing outside this package knows OpenTelemetry, and this package is loaded only when tracing is
 * on. A span carries names, times and reason codes; it must not know bodies or headers.
 */
package dev.serai.tracing;
