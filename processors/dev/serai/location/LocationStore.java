package dev.serai.location;

import dev.serai.reason.Reason;
import dev.serai.tpm.Bytes;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** Keeps where nodes and their devices were found, and which node has which device. */
public interface LocationStore {

  /** What is known from before. */
  record Known(Optional<Trail> node, List<Trail> devices) {
    public Known {
      Objects.requireNonNull(node);
      devices = List.copyOf(devices);
    }
  }

  /**
   * @param devices keyed names of {@link DeviceKey#exclusive}
   */
  Known known(String nodeId, List<Bytes> devices);

  /**
   * Gives the devices to the node until the location runs out, and keeps where it was; all of it or
   * nothing. On disk when this returns.
   *
   * @return the node that has one of the devices now; empty when it was done
   */
  Optional<String> hold(String nodeId, List<Bytes> devices, AttestedLocation location, Instant now);

  /** The node may be trusted without a location: nothing is held against it any more. */
  void passed(String nodeId);

  /** The node's evidence was sound, its location was not: it is no longer to be trusted. */
  void refused(String nodeId, Reason reason, Instant now);
}
