/**
 * Signing and verifying with the fastest provider this machine loads. Knows JCA and BouncyCastle,
 * and nothing of what is signed.
 */
package dev.serai.signing;
