/**
 * Where a device is, as a value: a sensor's reading, its canonical document, what of it may be
 * said, regions, rules and the judge over them; identifiers of sensors, how far a location can be
 * believed, and what an operator's endorsement says. It opens no device and no connection and knows
 * no Camel; a reading is what this host says of its sensor, whatever signs it.
 */
package dev.serai.location;
