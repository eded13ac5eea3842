/** Benchmarks that the product can run on the machine it is on. Each answers one line of JSON. */
package dev.serai.bench;
