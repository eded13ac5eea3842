package dev.serai.tpm;

/** TPMS_CLOCK_INFO. Part 2. clockMillis: milliseconds powered; counters as unsigned 32 bit. */
public record TpmClock(long clockMillis, long resetCount, long restartCount, boolean safe) {}
