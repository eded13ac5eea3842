package dev.serai.keylime;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import java.util.Optional;

/**
 * Results of GET /version at an agent.
 *
 * @param supported since 2.5; older agents name only one version
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record AgentVersions(
    @JsonProperty("supported_version") String version,
    @JsonProperty("supported_versions") Optional<List<String>> supported) {}
