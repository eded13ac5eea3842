/**
 * The gate: may the workload that showed this SVID pass? Asked by a proxy over Envoy's external
 * authorization or by a route at {@code direct:gate}. It judges the one certificate whose key its
 * holder proved, against the trust domain's bundle, and what the issuer wrote into it; it asks the
 * sensor service, and knows neither devices nor operators itself.
 */
package dev.serai.gate;
