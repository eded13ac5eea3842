/**
 * What other programs of this machine may ask of the App Key: its public part, a certificate of it
 * by the AK, signatures over what is typed. The sovereign prototype's JSON. It knows no HTTP
 * listener and no agent; who the caller is comes from the kernel.
 */
package dev.serai.plugin;
