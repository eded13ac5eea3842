/**
 * Reads what sensors of this machine say: modems (sysfs, ModemManager), GNSS receivers (gpsd, NMEA
 * 0183) and files. Whatever they send is bounded and hostile until parsed; a read has a deadline
 * and a thread of its own, so that a sensor that hangs holds up nothing else. It judges no place.
 */
package dev.serai.location.sensor;
