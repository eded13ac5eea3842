/**
 * The issuer: the authority of a trust domain, registration entries, attested nodes, and the
 * X509-SVIDs they get. Cores are plain Java; {@code ...Processor} classes are steps of the routes
 * in {@code routes/issuer}. Knows the verifier only as a hop that answers with a verdict.
 */
package dev.serai.issuing;
