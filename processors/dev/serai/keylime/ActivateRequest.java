package dev.serai.keylime;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Optional;

/** Body of PUT agents/:id and of agents/:id/activate. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record ActivateRequest(@JsonProperty("auth_tag") Optional<String> authTag) {}
