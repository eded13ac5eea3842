/**
 * The claims in an SVID: extension 1.3.6.1.4.1.55744.1.1, written and read, in its private and in
 * the prototype's form. Knows no store, no transport and no Camel; what is claimed is decided by
 * whoever makes the record.
 */
package dev.serai.claims;
