package dev.serai.rpc;

import com.google.protobuf.Message;
import dev.serai.reason.Refused;

/**
 * How a unary method says in a message of its own that it was refused, where its protocol has one:
 * a status would be another answer there. A step of the route leaves it in the exchange property
 * {@link #PROPERTY}; until then a refusal ends the call with a status.
 */
@FunctionalInterface
public interface RefusalMessage {
  /** Exchange property. */
  String PROPERTY = "seraiRefusalMessage";

  Message of(Refused refused);
}
