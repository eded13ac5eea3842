package dev.serai.keylime;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/** Results of GET /version at the registrar and at the verifier. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record ServerVersions(
    @JsonProperty("current_version") String current,
    @JsonProperty("supported_versions") List<String> supported) {
  public ServerVersions {
    supported = List.copyOf(supported);
  }

  /** Of this program. */
  public static ServerVersions ours() {
    return new ServerVersions(ApiVersion.CURRENT.toString(), ApiVersion.supportedTexts());
  }
}
