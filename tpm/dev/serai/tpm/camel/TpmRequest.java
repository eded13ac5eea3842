package dev.serai.tpm.camel;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.CredentialBlob;
import dev.serai.tpm.wire.PcrSelection;
import java.util.Objects;

/** The body that an operation of the {@code tpm:} component takes. */
public sealed interface TpmRequest {
  /** Asks the TPM; the answer becomes the body. */
  Object perform(Tpm tpm);

  /** {@code tpm:quote}; answers {@link Tpm.Attested}. */
  record Quote(KeyRef.Attestation ak, PcrSelection selection, Bytes qualifyingData)
      implements TpmRequest {
    public Quote {
      Objects.requireNonNull(ak);
      Objects.requireNonNull(selection);
      Objects.requireNonNull(qualifyingData);
    }

    @Override
    public Tpm.Attested perform(Tpm tpm) {
      return tpm.quote(ak, selection, qualifyingData);
    }
  }

  /** {@code tpm:certify}; answers {@link Tpm.Attested}. */
  record Certify(KeyRef subject, KeyRef.Attestation ak, Bytes qualifyingData)
      implements TpmRequest {
    public Certify {
      Objects.requireNonNull(subject);
      Objects.requireNonNull(ak);
      Objects.requireNonNull(qualifyingData);
    }

    @Override
    public Tpm.Attested perform(Tpm tpm) {
      return tpm.certify(subject, ak, qualifyingData);
    }
  }

  /** {@code tpm:activate}; answers the secret as {@link Bytes}. */
  record Activate(KeyRef.Attestation ak, KeyRef.Endorsement ek, CredentialBlob blob)
      implements TpmRequest {
    public Activate {
      Objects.requireNonNull(ak);
      Objects.requireNonNull(ek);
      Objects.requireNonNull(blob);
    }

    @Override
    public Bytes perform(Tpm tpm) {
      return tpm.activateCredential(ak, ek, blob);
    }
  }

  /** {@code tpm:random}; answers {@link Bytes}. */
  record Random(int count) implements TpmRequest {
    @Override
    public Bytes perform(Tpm tpm) {
      return tpm.random(count);
    }
  }

  /** {@code tpm:pcrread}; answers the values per bank and index as a Map. */
  record ReadPcrs(PcrSelection selection) implements TpmRequest {
    public ReadPcrs {
      Objects.requireNonNull(selection);
    }

    @Override
    public Object perform(Tpm tpm) {
      return tpm.readPcrs(selection);
    }
  }

  /** {@code tpm:pcrextend}; the body stays. */
  record ExtendPcr(int pcr, TpmHash bank, Bytes digest) implements TpmRequest {
    public ExtendPcr {
      Objects.requireNonNull(bank);
      Objects.requireNonNull(digest);
    }

    @Override
    public ExtendPcr perform(Tpm tpm) {
      tpm.extendPcr(pcr, bank, digest);
      return this;
    }
  }

  /** {@code tpm:sign}; answers TPMT_SIGNATURE as {@link Bytes}. */
  record Sign(KeyRef.App key, Tpm.SignScheme scheme, Bytes digest) implements TpmRequest {
    public Sign {
      Objects.requireNonNull(key);
      Objects.requireNonNull(scheme);
      Objects.requireNonNull(digest);
    }

    @Override
    public Bytes perform(Tpm tpm) {
      return tpm.sign(key, scheme, digest);
    }
  }

  /** {@code tpm:createkey}; answers {@link KeyRef.App}, to be persisted. */
  record CreateKey(Tpm.AppKeyType type) implements TpmRequest {
    public CreateKey {
      Objects.requireNonNull(type);
    }

    @Override
    public KeyRef.App perform(Tpm tpm) {
      return tpm.createAppKey(type);
    }
  }

  /** {@code tpm:publicarea}; answers {@link dev.serai.tpm.wire.TpmtPublic}. */
  record PublicArea(KeyRef key) implements TpmRequest {
    public PublicArea {
      Objects.requireNonNull(key);
    }

    @Override
    public Object perform(Tpm tpm) {
      return tpm.publicArea(key);
    }
  }

  /** {@code tpm:ekcertificates}; answers a List of DER certificates as {@link Bytes}. */
  record EndorsementCertificates(KeyRef.Endorsement ek) implements TpmRequest {
    public EndorsementCertificates {
      Objects.requireNonNull(ek);
    }

    @Override
    public Object perform(Tpm tpm) {
      return tpm.endorsementCertificates(ek);
    }
  }

  /** {@code tpm:nvread}; answers {@link Bytes}. */
  record ReadNv(int index) implements TpmRequest {
    @Override
    public Bytes perform(Tpm tpm) {
      return tpm.readNv(index);
    }
  }
}
