/**
 * Faults for tests and drills, and nowhere else: this package is in the test sources only, and
 * {@code ProductHoldsNoFaultsTest} holds that the jar has none of it. README.md beside this file
 * lists the switches. It knows sockets, Camel and the operating system; it knows nothing of what
 * Serai does.
 */
package dev.serai.testing.faults;
