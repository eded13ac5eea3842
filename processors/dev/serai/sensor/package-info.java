/**
 * The sensor role: which location sensors there are, which SIM and node they belong to, whether the
 * operator confirms where they are, and endorsements of that. Asks the operator through {@code
 * camara}; knows no other role.
 */
package dev.serai.sensor;
