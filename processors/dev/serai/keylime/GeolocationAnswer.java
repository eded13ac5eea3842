package dev.serai.keylime;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Optional;

/**
 * Results of GET agent/attested_geolocation: a location in the sovereign prototype's words. As
 * received: nothing in it is checked or believed.
 *
 * @param attested whether PCR 15 holds it: said only when it does
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record GeolocationAnswer(
    @JsonProperty("sensor_type") String type,
    @JsonProperty("mobile") Optional<Mobile> mobile,
    @JsonProperty("gnss") Optional<Gnss> gnss,
    @JsonProperty("tpm_attested") boolean attested,
    @JsonProperty("tpm_pcr_index") int pcr,
    @JsonProperty("nonce") String nonce) {
  /** The PCR that is extended, in its SHA-256 bank. */
  public static final int PCR = 15;

  /** What is not known is null. */
  @JsonPropertyOrder(alphabetic = true)
  public record Mobile(
      @JsonProperty("sensor_id") String id,
      @JsonProperty("sensor_imei") Optional<String> imei,
      @JsonProperty("sensor_imsi") Optional<String> imsi,
      @JsonProperty("sensor_msisdn") Optional<String> msisdn) {
    /** Without the numbers. */
    @Override
    public String toString() {
      return "Mobile";
    }
  }

  /** What is not known is left out. */
  @JsonInclude(JsonInclude.Include.NON_EMPTY)
  @JsonPropertyOrder(alphabetic = true)
  public record Gnss(
      @JsonProperty("sensor_id") String id,
      @JsonProperty("sensor_serial_number") Optional<String> serial,
      @JsonProperty("latitude") double latitude,
      @JsonProperty("longitude") double longitude,
      @JsonProperty("accuracy") double accuracy) {
    /** Without the place. */
    @Override
    public String toString() {
      return "Gnss";
    }
  }

  /** The part that PCR 15 is extended with, keys sorted, absent parts null. */
  @JsonPropertyOrder(alphabetic = true)
  private record Hashed(
      @JsonProperty("gnss") Optional<Gnss> gnss,
      @JsonProperty("mobile") Optional<Mobile> mobile,
      @JsonProperty("sensor_type") String type,
      @JsonProperty("tpm_attested") boolean attested,
      @JsonProperty("tpm_pcr_index") int pcr) {}

  /** SHA-256 of the JSON with sorted keys and the nonce's text: what PCR 15 is extended with. */
  public Bytes digest() {
    MessageDigest digest = TpmHash.SHA256.newDigest();
    KeylimeJson.write(new Hashed(gnss, mobile, type, attested, pcr)).writeTo(digest);
    digest.update(nonce.getBytes(StandardCharsets.US_ASCII));
    return Bytes.copyOf(digest.digest());
  }

  /** Without ids and without the place. */
  @Override
  public String toString() {
    return "GeolocationAnswer[" + type + "]";
  }
}
