/**
 * A fake operator of a mobile network, for tests: CAMARA's CIBA and location verification over
 * HTTPS. It checks requests strictly and is in no product jar.
 */
package dev.serai.testing.operator;
