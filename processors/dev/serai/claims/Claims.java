package dev.serai.claims;

import dev.serai.location.Assurance;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * What an SVID says of its workload and of the node it runs on. A reader has the issuer's word for
 * it and nothing more: validate the certificate first.
 *
 * @param json the text as it was read, or as {@code privacy=strict} writes it
 */
public record Claims(
    Optional<Workload> workload,
    Optional<TpmAttestation> tpmAttestation,
    Optional<Geolocation> geolocation,
    Optional<MnoEndorsement> mnoEndorsement,
    String json) {
  /** An App Key in the node's TPM. */
  public static final String TPM_APP_KEY = "tpm-app-key";

  /** A key that the workload or its agent holds. */
  public static final String WORKLOAD_KEY = "workload-key";

  public Claims {
    Objects.requireNonNull(workload);
    Objects.requireNonNull(tpmAttestation);
    Objects.requireNonNull(geolocation);
    Objects.requireNonNull(mnoEndorsement);
    Objects.requireNonNull(json);
  }

  /** Made here, not read. */
  public static Claims of(
      Optional<Workload> workload,
      Optional<TpmAttestation> tpmAttestation,
      Optional<Geolocation> geolocation,
      Optional<MnoEndorsement> mnoEndorsement) {
    Claims made = new Claims(workload, tpmAttestation, geolocation, mnoEndorsement, "");
    return new Claims(
        workload,
        tpmAttestation,
        geolocation,
        mnoEndorsement,
        ClaimsJson.write(made, Privacy.STRICT));
  }

  /**
   * Who it is.
   *
   * @param codeHash of the prototype's form only
   * @param publicKeyPem of the prototype's form only
   */
  public record Workload(
      String workloadId,
      String keySource,
      Optional<String> codeHash,
      Optional<String> publicKeyPem) {
    public Workload {
      Objects.requireNonNull(workloadId);
      Objects.requireNonNull(keySource);
      Objects.requireNonNull(codeHash);
      Objects.requireNonNull(publicKeyPem);
    }

    public Workload(String workloadId, String keySource) {
      this(workloadId, keySource, Optional.empty(), Optional.empty());
    }
  }

  /**
   * How its node proved itself.
   *
   * @param ekNameHash hex; the private form's name for the TPM
   * @param appraisedAt to the second
   * @param policy the name of the policy that was met
   * @param evidence of the prototype's form only
   */
  public record TpmAttestation(
      Optional<String> ekNameHash,
      Optional<Instant> appraisedAt,
      Optional<String> policy,
      Optional<Evidence> evidence) {
    public TpmAttestation {
      Objects.requireNonNull(ekNameHash);
      Objects.requireNonNull(appraisedAt);
      Objects.requireNonNull(policy);
      Objects.requireNonNull(evidence);
    }
  }

  /**
   * The prototype puts the evidence itself into the certificate.
   *
   * @param appKeyCertificate base64
   * @param quote empty when it is left out
   * @param challengeNonce hex
   */
  public record Evidence(
      String appKeyPublic, String appKeyCertificate, String quote, String challengeNonce) {
    public Evidence {
      Objects.requireNonNull(appKeyPublic);
      Objects.requireNonNull(appKeyCertificate);
      Objects.requireNonNull(quote);
      Objects.requireNonNull(challengeNonce);
    }
  }

  /**
   * Where the node is.
   *
   * @param type of its sensor: "mobile" or "gnss"
   * @param region the geofence that it was found in; private form only, as are the four after it
   * @param locatedAt when the sensor read it, to the second
   * @param validUntil when it has to be proven anew, to the second
   * @param device hex; the same for as long as the issuer keeps its key
   * @param sensor what only the prototype's form says
   */
  public record Geolocation(
      String type,
      Optional<String> region,
      Optional<Assurance> assurance,
      Optional<Instant> locatedAt,
      Optional<Instant> validUntil,
      Optional<String> device,
      Optional<Sensor> sensor) {
    public Geolocation {
      Objects.requireNonNull(type);
      Objects.requireNonNull(region);
      Objects.requireNonNull(assurance);
      Objects.requireNonNull(locatedAt);
      Objects.requireNonNull(validUntil);
      Objects.requireNonNull(device);
      Objects.requireNonNull(sensor);
    }
  }

  /** What names a device and its owner. Prints nothing of it. */
  public record Sensor(
      String sensorId,
      Optional<String> imei,
      Optional<String> imsi,
      Optional<String> msisdn,
      Optional<String> serialNumber,
      Optional<Position> position) {
    public Sensor {
      Objects.requireNonNull(sensorId);
      Objects.requireNonNull(imei);
      Objects.requireNonNull(imsi);
      Objects.requireNonNull(msisdn);
      Objects.requireNonNull(serialNumber);
      Objects.requireNonNull(position);
    }

    @Override
    public String toString() {
      return "Sensor[..]";
    }
  }

  /** Degrees (WGS 84) and metres. Prints nothing of it. */
  public record Position(double latitude, double longitude, double accuracy) {
    @Override
    public String toString() {
      return "Position[..]";
    }
  }

  /**
   * What a mobile operator said.
   *
   * @param keyId of the operator's key
   * @param signed of the prototype's form only
   */
  public record MnoEndorsement(boolean verified, String keyId, Optional<SignedText> signed) {
    public MnoEndorsement {
      Objects.requireNonNull(keyId);
      Objects.requireNonNull(signed);
    }
  }

  /** The operator's words with its signature, both base64. Prints nothing of it. */
  public record SignedText(String signature, String data) {
    public SignedText {
      Objects.requireNonNull(signature);
      Objects.requireNonNull(data);
    }

    @Override
    public String toString() {
      return "SignedText[..]";
    }
  }

  /** With what the prototype's form says of the same sensor and the same word besides. */
  public Claims with(Claims prototype) {
    Optional<Sensor> sensor = prototype.geolocation().flatMap(Geolocation::sensor);
    Optional<SignedText> signed = prototype.mnoEndorsement().flatMap(MnoEndorsement::signed);
    return new Claims(
        workload,
        tpmAttestation,
        geolocation.map(
            place ->
                new Geolocation(
                    place.type(),
                    place.region(),
                    place.assurance(),
                    place.locatedAt(),
                    place.validUntil(),
                    place.device(),
                    sensor)),
        mnoEndorsement.map(word -> new MnoEndorsement(word.verified(), word.keyId(), signed)),
        json);
  }

  /** The text in one form or the other; only what that form says. */
  public String json(Privacy privacy) {
    return ClaimsJson.write(this, privacy);
  }

  /** The text may hold what must not be logged. */
  @Override
  public String toString() {
    return "Claims[workload %s, location %s]"
        .formatted(
            workload.map(Workload::workloadId).orElse("none"),
            geolocation.flatMap(Geolocation::region).orElse("none"));
  }
}
