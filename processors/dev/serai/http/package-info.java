/**
 * What the roles' HTTP listeners and the verifier's calls to agents have in common: limits per
 * connection, answers as they go out, one bounded GET. It knows no operation of any role.
 */
package dev.serai.http;
