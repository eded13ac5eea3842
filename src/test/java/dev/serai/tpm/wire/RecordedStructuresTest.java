package dev.serai.tpm.wire;

import static dev.serai.tpm.wire.WireFixtures.fixture;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.TpmClock;
import dev.serai.tpm.spec.TpmAttestType;
import dev.serai.tpm.spec.TpmEccCurve;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.spec.TpmScheme;
import dev.serai.tpm.wire.TpmaObject.Attribute;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Structures that others recorded, and what they are known to hold. */
class RecordedStructuresTest {

  @Test
  void reads_the_p256_key_of_a_real_kernel() throws Exception {
    TpmtPublic ak = TpmtPublic.parseSized(fixture("realkernel/p256-quote/ak.pub"));

    assertThat(ak.kind()).isEqualTo(TpmtPublic.Kind.ECC);
    assertThat(ak.name().encoded()).isEqualTo(fixture("realkernel/p256-quote/ak.name"));
    assertThat(ak.attributes())
        .isEqualTo(
            TpmaObject.of(
                Attribute.FIXED_TPM,
                Attribute.FIXED_PARENT,
                Attribute.SENSITIVE_DATA_ORIGIN,
                Attribute.USER_WITH_AUTH,
                Attribute.NO_DA,
                Attribute.RESTRICTED,
                Attribute.SIGN));
    assertThat(ak.scheme())
        .isEqualTo(new TpmtPublic.Scheme(TpmScheme.ECDSA, Optional.of(TpmHash.SHA256)));
    assertThat(((TpmtPublic.EccKey) ak.key()).curve()).isEqualTo(TpmEccCurve.P256);
    assertThat(ak.aesKeyBits()).isZero();
    assertThat(ak.authPolicy()).isEqualTo(Bytes.EMPTY);
    assertThat(ak.sized()).isEqualTo(fixture("realkernel/p256-quote/ak.pub"));
    assertThat(ak.publicKey().getEncoded()).isEqualTo(pem("realkernel/p256-quote/ak.pem"));
  }

  @Test
  void reads_the_quote_of_a_real_kernel() throws Exception {
    Bytes message = fixture("realkernel/p256-quote/quote.msg");
    TpmsAttest attest = TpmsAttest.parse(message);

    assertThat(attest.encoded()).isEqualTo(message);
    assertThat(attest.extraData()).isEqualTo(Bytes.ofHex("00112233445566778899aabbccddeeff"));
    assertThat(attest.clock()).isEqualTo(new TpmClock(0x3a0c2, 2, 0, true));
    assertThat(attest.firmwareVersion()).isEqualTo(0x2019102300163636L);
    TpmsAttest.Quote quote = (TpmsAttest.Quote) attest.body();
    assertThat(quote.selection()).isEqualTo(PcrSelection.ofMask(TpmHash.SHA256, 0x7fff));

    PcrBlob blob = PcrBlob.parse(fixture("realkernel/p256-quote/quote.pcrs"));
    assertThat(blob.digest(TpmHash.SHA256)).isEqualTo(quote.pcrDigest());
    SortedMap<Integer, Bytes> printed = new TreeMap<>();
    for (String line :
        fixture("realkernel/p256-quote/pcrs.txt").toText().split("sha256:")[1].split("\n")) {
      String[] parts = line.trim().split("\\s*:\\s*");
      if (parts.length == 2 && parts[1].length() == 66) {
        printed.putIfAbsent(Integer.parseInt(parts[0]), Bytes.ofHex(parts[1].substring(2)));
      }
    }
    SortedMap<Integer, Bytes> quoted = blob.byIndex().get(TpmHash.SHA256);
    assertThat(quoted).hasSize(15);
    quoted.forEach(
        (index, value) -> {
          if (index != 10) { // IMA went on measuring between quote and print
            assertThat(value).as("PCR %d", index).isEqualTo(printed.get(index));
          }
        });
    TpmtSignature signature = TpmtSignature.parse(fixture("realkernel/p256-quote/quote.sig"));
    assertThat(signature.encoded()).isEqualTo(fixture("realkernel/p256-quote/quote.sig"));
    TpmtSignature.Ecdsa ecdsa = (TpmtSignature.Ecdsa) signature;
    PublicKey key = TpmtPublic.parseSized(fixture("realkernel/p256-quote/ak.pub")).publicKey();
    assertThat(verifies("SHA256withECDSA", key, message, ecdsa.toDer())).isTrue();
    assertThat(verifies("SHA256withECDSAinP1363Format", key, message, ecdsa.toP1363(32))).isTrue();
  }

  @Test
  void reads_the_rsa_quote_of_keylime() throws Exception {
    Bytes message = fixture("keylime/quote/quote.out");
    TpmtPublic ak = TpmtPublic.parseSized(fixture("keylime/quote/ak.pub"));
    TpmtPublic ek = TpmtPublic.parseSized(fixture("keylime/quote/ek.pub"));

    assertThat(ak.name().encoded()).isEqualTo(fixture("keylime/quote/ak.name"));
    assertThat(ak.attributes().bits()).isEqualTo(0x50072);
    assertThat(((RSAPublicKey) ak.publicKey()).getPublicExponent()).isEqualTo(65537);
    assertThat(ek.attributes().bits()).isEqualTo(0x300b2);
    assertThat(ek.aesKeyBits()).isEqualTo(128);
    assertThat(ek.authPolicy().toHex())
        .isEqualTo("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa");

    TpmsAttest attest = TpmsAttest.parse(message);
    TpmsAttest.Quote quote = (TpmsAttest.Quote) attest.body();
    assertThat(quote.selection()).isEqualTo(PcrSelection.of(TpmHash.SHA256, 15, 16, 22));
    PcrBlob blob = PcrBlob.parse(fixture("keylime/quote/quotepcr.out"));
    assertThat(blob.digest(TpmHash.SHA256)).isEqualTo(quote.pcrDigest());
    assertThat(blob.encoded()).isEqualTo(fixture("keylime/quote/quotepcr.out"));
    TpmtSignature.Rsa signature =
        (TpmtSignature.Rsa) TpmtSignature.parse(fixture("keylime/quote/quotesig.out"));
    assertThat(signature.encoded()).isEqualTo(fixture("keylime/quote/quotesig.out"));
    assertThat(verifies("SHA256withRSA", ak.publicKey(), message, signature.signature())).isTrue();

    CredentialBlob credential = CredentialBlob.parseFile(fixture("keylime/quote/mkcred.out"));
    assertThat(credential.encryptedSecret().size()).isEqualTo(256);
    assertThat(credential.toFile()).isEqualTo(fixture("keylime/quote/mkcred.out"));
  }

  @Test
  void reads_the_quote_string_parts_of_rust_keylime() throws Exception {
    String[] parts =
        fixture("rust-keylime/quote-string/test-quote.txt").toText().trim().substring(1).split(":");
    TpmsAttest attest = TpmsAttest.parse(Bytes.ofBase64(parts[0]));
    TpmsAttest.Quote quote = (TpmsAttest.Quote) attest.body();

    assertThat(quote.selection()).isEqualTo(PcrSelection.ofKeylimeMask(TpmHash.SHA1, "0x10000"));
    assertThat(attest.extraData()).isEqualTo(Bytes.ofText("TEST"));
    assertThat(TpmtSignature.parse(Bytes.ofBase64(parts[1])).hash()).isEqualTo(TpmHash.SHA1);
    PcrBlob blob = PcrBlob.parse(Bytes.ofBase64(parts[2]));
    assertThat(blob.encoded()).isEqualTo(Bytes.ofBase64(parts[2]));
    assertThat(blob.digest(TpmHash.SHA1)).isEqualTo(quote.pcrDigest());
  }

  @Test
  void reads_the_windows_statements_of_go_attestation() throws Exception {
    JsonNode all =
        new ObjectMapper()
            .readTree(fixture("go-attestation/windows-gcp/windows_gcp_shielded_vm.json").toText());
    TpmtPublic ak = TpmtPublic.parse(Bytes.ofBase64(all.at("/AK/Public").asText()));
    TpmsAttest creation =
        TpmsAttest.parse(Bytes.ofBase64(all.at("/AK/CreateAttestation").asText()));
    Bytes message = Bytes.ofBase64(all.at("/Quote/Quote").asText());
    TpmsAttest attest = TpmsAttest.parse(message);
    TpmsAttest.Quote quote = (TpmsAttest.Quote) attest.body();
    TpmtSignature.Rsa signature =
        (TpmtSignature.Rsa)
            TpmtSignature.parse(Bytes.ofBase64(all.at("/Quote/Signature").asText()));

    assertThat(ak.attributes().has(Attribute.NO_DA)).isTrue();
    assertThat(creation.body().type()).isEqualTo(TpmAttestType.CREATION);
    assertThat(quote.selection()).isEqualTo(PcrSelection.ofMask(TpmHash.SHA1, 0xffffff));
    assertThat(attest.extraData()).isEqualTo(Bytes.EMPTY);
    assertThat(verifies("SHA1withRSA", ak.publicKey(), message, signature.signature())).isTrue();
  }

  private static boolean verifies(String algorithm, PublicKey key, Bytes message, Bytes signature)
      throws Exception {
    Signature verifier = Signature.getInstance(algorithm);
    verifier.initVerify(key);
    verifier.update(message.toArray());
    return verifier.verify(signature.toArray());
  }

  private static byte[] pem(String path) throws Exception {
    String body = fixture(path).toText().replaceAll("-----[A-Z ]+-----|\\s", "");
    return KeyFactory.getInstance("EC")
        .generatePublic(new X509EncodedKeySpec(Base64.getDecoder().decode(body)))
        .getEncoded();
  }
}
