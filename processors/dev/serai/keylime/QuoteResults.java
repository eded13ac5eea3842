package dev.serai.keylime;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Optional;

/**
 * Results of GET quotes/integrity and quotes/identity at an agent. As received: nothing in it is
 * checked or believed.
 *
 * @param quote a {@link QuoteString}
 * @param pubkey PEM of the agent's payload key; only in the first quote
 * @param imaList text lines; Keylime's agent sends them whenever it can read the list
 * @param imaListEntry index of the first line sent
 * @param bootLog base64 of the firmware's event log; only when PCR 0 was asked for
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record QuoteResults(
    @JsonProperty("quote") String quote,
    @JsonProperty("hash_alg") String hashAlgorithm,
    @JsonProperty("enc_alg") String encryptionAlgorithm,
    @JsonProperty("sign_alg") String signatureAlgorithm,
    @JsonProperty("pubkey") Optional<String> pubkey,
    @JsonProperty("ima_measurement_list") Optional<String> imaList,
    @JsonProperty("ima_measurement_list_entry") Optional<Long> imaListEntry,
    @JsonProperty("mb_measurement_list") Optional<String> bootLog) {}
