/**
 * The operator of a mobile network, asked whether a device is in an area: CAMARA's CIBA
 * authorization and its location verification, in the current dialect and the prototype's. What it
 * says is a verdict; that it says nothing is a refusal. Knows nothing of who asks.
 */
package dev.serai.camara;
