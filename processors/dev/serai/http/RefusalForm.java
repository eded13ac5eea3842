package dev.serai.http;

import dev.serai.keylime.HttpAnswer;
import dev.serai.reason.Refused;

/** How a listener's protocol writes refusals, where it is not Keylime's; an exchange variable. */
@FunctionalInterface
public interface RefusalForm {
  /** Where the first step of a route leaves it. */
  String VARIABLE = "refusalForm";

  HttpAnswer of(Refused refused);
}
