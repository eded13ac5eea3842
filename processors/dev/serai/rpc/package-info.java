/**
 * gRPC servers whose calls are answered by Camel routes: the component {@code rpc:}. Several
 * services share one server, which listens on TLS, on a unix socket with peer credentials, or on
 * both.
 *
 * <p>Knows connections, calls and refusals. Must not know what a service means, nor SPIFFE: who may
 * connect is decided by the {@link dev.serai.rpc.TlsIdentity} that it is given, and who may call
 * what is decided in the routes.
 */
package dev.serai.rpc;
