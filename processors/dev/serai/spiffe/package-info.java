/**
 * The SPIFFE standards as values and rules: names, selectors, the profile of X509-SVIDs and their
 * validation. Knows no transport, no store and no Camel.
 */
package dev.serai.spiffe;
