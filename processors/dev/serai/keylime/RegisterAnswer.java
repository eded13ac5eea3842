package dev.serai.keylime;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * Results of a registration.
 *
 * @param blob base64 of the credential blob in the file format of tpm2-tools: BADCC0DE, version 1,
 *     TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record RegisterAnswer(@JsonProperty(value = "blob", required = true) String blob) {}
