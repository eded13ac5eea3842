package dev.serai.sensor;

import dev.serai.location.Endorsement;
import dev.serai.tpm.Bytes;

/** The answer of route {@code endorse-location}; the signature covers the endorsement's bytes. */
public record SignedLocation(Endorsement endorsement, Bytes signature, String keyId) {}
