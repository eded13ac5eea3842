/**
 * Keylime's REST wire formats, shared by registrar, verifier and agent: envelope, versions, JSON
 * bodies, quote string, authentication tag. Bytes and records only; it knows no HTTP server, no
 * Camel, no database and no TPM, and it judges nothing.
 */
package dev.serai.keylime;
