package dev.serai.location;

/** What the sensor service found out. That it could not be asked is a failure and no answer. */
public enum DeviceAnswer {
  /** The operator says that the device is there. */
  CONFIRMED,
  /** The operator says that it is elsewhere, or the service knows no such device. */
  DENIED,
  /** The operator does not know. */
  UNKNOWN
}
