package dev.serai.keylime;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/** Results of GET agents at the registrar. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record NodeIds(@JsonProperty("uuids") List<String> uuids) {
  public NodeIds {
    uuids = List.copyOf(uuids);
  }
}
