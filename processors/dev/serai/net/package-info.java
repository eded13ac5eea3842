/**
 * Who is at the other end of a connection: TLS by SPIFFE identity, for servers and clients, that
 * follows the rotation of keys and bundles. Knows TLS, certificates and SPIFFE names; must not know
 * what a peer may do, which routes decide.
 */
package dev.serai.net;
