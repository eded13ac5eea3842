/**
 * JWT-SVIDs and the bundles they are verified with. SPIFFE JWT-SVID. Knows no transport, no Camel,
 * and not how a token is issued or handed out.
 */
package dev.serai.jwtsvid;
