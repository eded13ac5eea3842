package dev.serai.tpm.tss;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.wire.TpmtPublic;
import java.io.ByteArrayInputStream;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;

/**
 * The EK certificate and its chain, from NV. Indices are those of the TCG EK Credential Profile:
 * certificates in 0x01c00000-0x01c07fff, the chain in 0x01c00100-0x01c001ff. What belongs to the
 * key is found by comparing keys, not by trusting an index.
 */
final class EndorsementCertificates {
  private static final int FIRST = 0x01c00000;
  private static final int LAST = 0x01c07fff;
  private static final int CHAIN_FIRST = 0x01c00100;
  private static final int CHAIN_LAST = 0x01c001ff;

  /** Some vendors put a header of 7 bytes before the certificate. */
  private static final int VENDOR_HEADER = 7;

  private static final int DER_SEQUENCE = 0x30;

  private final Handles handles;
  private final IntFunction<Bytes> nv;

  EndorsementCertificates(Handles handles, IntFunction<Bytes> nv) {
    this.handles = handles;
    this.nv = nv;
  }

  /** Lists the handles of a range. */
  interface Handles {
    List<Integer> list(int first, int last);
  }

  /** The certificate of this key, then the chain; empty when there is none for this key. */
  List<Bytes> find(KeyRef.Endorsement ek, TpmtPublic key) {
    List<Integer> indices = handles.list(FIRST, LAST);
    List<Integer> candidates =
        new ArrayList<>(indices.stream().filter(index -> !isChain(index)).toList());
    int usual = ek == KeyRef.Endorsement.RSA_2048 ? 0x01c00002 : 0x01c0000a;
    if (candidates.remove(Integer.valueOf(usual))) {
      candidates.add(0, usual);
    }
    for (int index : candidates) {
      Optional<Bytes> certificate =
          read(index).flatMap(EndorsementCertificates::first).filter(der -> certifies(der, key));
      if (certificate.isPresent()) {
        List<Bytes> all = new ArrayList<>(List.of(certificate.get()));
        all.addAll(chain(indices));
        return List.copyOf(all);
      }
    }
    return List.of();
  }

  private List<Bytes> chain(List<Integer> indices) {
    Bytes all =
        Bytes.concat(
            indices.stream()
                .filter(EndorsementCertificates::isChain)
                .sorted()
                .map(index -> read(index).orElse(Bytes.EMPTY))
                .toArray(Bytes[]::new));
    List<Bytes> chain = new ArrayList<>();
    int at = 0;
    while (at < all.size()) {
      Bytes rest = all.slice(at, all.size() - at);
      int length = derLength(rest, 0);
      if (length < 0 || parse(rest.slice(0, length)).isEmpty()) {
        break; // padding
      }
      chain.add(rest.slice(0, length));
      at += length;
    }
    return chain;
  }

  private static boolean isChain(int index) {
    return index >= CHAIN_FIRST && index <= CHAIN_LAST;
  }

  /** What may not be read is skipped; a lost TPM is not. */
  private Optional<Bytes> read(int index) {
    try {
      return Optional.of(nv.apply(index));
    } catch (TpmException e) {
      return switch (e.fault()) {
        case AUTH, COMMAND, STALE_KEY -> Optional.empty();
        default -> throw e;
      };
    }
  }

  /** The certificate at the start or behind a vendor's header, cut to its DER length. */
  private static Optional<Bytes> first(Bytes content) {
    for (int at : new int[] {0, VENDOR_HEADER}) {
      int length = derLength(content, at);
      if (length > 0) {
        Bytes der = content.slice(at, length);
        if (parse(der).isPresent()) {
          return Optional.of(der);
        }
      }
    }
    return Optional.empty();
  }

  /** Length of the SEQUENCE that begins here, header included; -1 when there is none. */
  private static int derLength(Bytes content, int at) {
    if (content.size() < at + 4 || content.at(at) != DER_SEQUENCE) {
      return -1;
    }
    int length =
        switch (content.at(at + 1)) {
          case 0x81 -> 3 + content.at(at + 2);
          case 0x82 -> 4 + (content.at(at + 2) << 8 | content.at(at + 3));
          default -> content.at(at + 1) < 0x80 ? 2 + content.at(at + 1) : -1;
        };
    return length > 0 && length <= content.size() - at ? length : -1;
  }

  private static boolean certifies(Bytes der, TpmtPublic key) {
    byte[] wanted = key.publicKey().getEncoded();
    return parse(der)
        .filter(found -> Arrays.equals(found.getPublicKey().getEncoded(), wanted))
        .isPresent();
  }

  private static Optional<Certificate> parse(Bytes der) {
    try {
      return Optional.of(
          CertificateFactory.getInstance("X.509")
              .generateCertificate(new ByteArrayInputStream(der.toArray())));
    } catch (CertificateException e) {
      return Optional.empty();
    }
  }
}
