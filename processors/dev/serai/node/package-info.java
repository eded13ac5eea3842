/**
 * What roles ask each other about nodes when they share a process. Interfaces only: the registrar
 * and the verifier bind them, the issuer's administration reads them.
 */
package dev.serai.node;
