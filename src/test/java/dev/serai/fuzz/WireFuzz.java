package dev.serai.fuzz;

import static dev.serai.fuzz.Fuzzed.check;
import static dev.serai.fuzz.Fuzzed.same;
import static dev.serai.tpm.wire.WireFixtures.fixture;

import dev.serai.keylime.QuoteString;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.CredentialBlob;
import dev.serai.tpm.wire.MakeCredential;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.PcrBlob;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmName;
import dev.serai.tpm.wire.TpmsAttest;
import dev.serai.tpm.wire.TpmtPublic;
import dev.serai.tpm.wire.TpmtSignature;
import java.math.BigInteger;
import java.security.SecureRandom;
import java.util.Map;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1Sequence;

/** Structures of the TPM: what is read is written again as the same bytes. */
public final class WireFuzz {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final Bytes SECRET = Bytes.copyOf(new byte[20]);
  private static final Class<?> MALFORMED = MalformedStructureException.class;

  private static final Fuzzed PARSERS =
      new Fuzzed()
          .with('a', "TPMS_ATTEST", WireFuzz::attest, MALFORMED)
          .with('p', "TPMT_PUBLIC", in -> key(TpmtPublic.parse(Bytes.copyOf(in)), in), MALFORMED)
          .with('P', "TPM2B_PUBLIC", WireFuzz::sizedKey, MALFORMED)
          .with('s', "TPMT_SIGNATURE", WireFuzz::signature, MALFORMED)
          .with('l', "TPML_PCR_SELECTION", WireFuzz::selection, MALFORMED)
          .with('b', "PCR blob", WireFuzz::blob, MALFORMED)
          .with('n', "TPM2B_NAME", WireFuzz::name, MALFORMED)
          .with('c', "credential file", WireFuzz::credential, MALFORMED)
          .with('q', "quote string", WireFuzz::quote, MALFORMED)
          .with('m', "PCR mask", WireFuzz::mask, IllegalArgumentException.class);

  private WireFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    PARSERS.run(data);
  }

  static Map<String, byte[]> seeds() {
    return Seeds.of()
        .add('a', "p256-quote", fixture("realkernel/p256-quote/quote.msg"))
        .add('a', "rsa-quote", fixture("keylime/quote/quote.out"))
        .add('P', "p256-key", fixture("realkernel/p256-quote/ak.pub"))
        .add('P', "rsa-ek", fixture("keylime/quote/ek.pub"))
        .add('p', "rsa-key", fixture("keylime/quote/ak.pub").slice(2, 280))
        .add('p', "p256-key", fixture("realkernel/p256-quote/ak.pub").slice(2, 88))
        .add('s', "ecdsa", fixture("realkernel/p256-quote/quote.sig"))
        .add('s', "rsassa", fixture("keylime/quote/quotesig.out"))
        .add('l', "one-bank", PcrSelection.of(TpmHash.SHA256, 0, 7, 23).encoded())
        .add('b', "fifteen-pcrs", fixture("realkernel/p256-quote/quote.pcrs"))
        .add('b', "keylime", fixture("keylime/quote/quotepcr.out"))
        .add('n', "sha256", fixture("realkernel/p256-quote/ak.name"))
        .add('c', "keylime", fixture("keylime/quote/mkcred.out"))
        .add('q', "rust-keylime", fixture("rust-keylime/quote-string/test-quote.txt"))
        .add('m', "mask", "0x408000")
        .all();
  }

  private static void attest(byte[] in) throws MalformedStructureException {
    TpmsAttest attest = TpmsAttest.parse(Bytes.copyOf(in));
    same(Bytes.copyOf(in), attest.encoded(), "the received bytes are kept");
    if (attest.body() instanceof TpmsAttest.Quote quote) {
      same(
          quote.selection(),
          PcrSelection.parse(quote.selection().encoded()),
          "a selection is written as it was read");
    }
  }

  private static void sizedKey(byte[] in) throws MalformedStructureException {
    TpmtPublic area = TpmtPublic.parseSized(Bytes.copyOf(in));
    key(area, Bytes.copyOf(in).slice(2, in.length - 2).toArray());
  }

  private static void key(TpmtPublic area, byte[] in) throws MalformedStructureException {
    same(Bytes.copyOf(in), area.encoded(), "the received bytes are kept");
    same(area.name(), TpmName.parse(area.name().encoded()), "a Name is read as it was made");
    check(area.publicKey().getEncoded().length > 0, "what is a key here is one for Java");
    if (MakeCredential.supports(area)) {
      CredentialBlob blob = MakeCredential.make(area, area.name(), SECRET, RANDOM);
      same(blob, CredentialBlob.parseFile(blob.toFile()), "a credential is read as it was made");
    }
  }

  private static void signature(byte[] in) throws MalformedStructureException {
    TpmtSignature signature = TpmtSignature.parse(Bytes.copyOf(in));
    same(Bytes.copyOf(in), signature.encoded(), "what is read is written as the same bytes");
    if (signature instanceof TpmtSignature.Ecdsa ecdsa) {
      ASN1Sequence der = ASN1Sequence.getInstance(ecdsa.toDer().toArray());
      same(number(ecdsa.r()), ASN1Integer.getInstance(der.getObjectAt(0)).getValue(), "r");
      same(number(ecdsa.s()), ASN1Integer.getInstance(der.getObjectAt(1)).getValue(), "s");
      check(ecdsa.toP1363(66).size() == 132, "r and s side by side");
    }
  }

  private static BigInteger number(Bytes value) {
    return new BigInteger(1, value.toArray());
  }

  private static void selection(byte[] in) throws MalformedStructureException {
    same(
        Bytes.copyOf(in),
        PcrSelection.parse(Bytes.copyOf(in)).encoded(),
        "what is read is written as the same bytes");
  }

  private static void blob(byte[] in) throws MalformedStructureException {
    PcrBlob blob = PcrBlob.parse(Bytes.copyOf(in));
    same(blob, PcrBlob.parse(blob.encoded()), "values are read as they were written");
    same(blob, PcrBlob.of(blob.selection(), blob.byIndex()), "every value has its place");
  }

  private static void name(byte[] in) throws MalformedStructureException {
    same(Bytes.copyOf(in), TpmName.parse(Bytes.copyOf(in)).encoded(), "written as the same bytes");
  }

  private static void credential(byte[] in) throws MalformedStructureException {
    same(
        Bytes.copyOf(in),
        CredentialBlob.parseFile(Bytes.copyOf(in)).toFile(),
        "what is read is written as the same bytes");
  }

  private static void quote(byte[] in) throws MalformedStructureException {
    QuoteString quote = QuoteString.parse(Bytes.copyOf(in).toText());
    same(quote, QuoteString.parse(quote.encode()), "a quote is read as it was written");
  }

  private static void mask(byte[] in) {
    PcrSelection selection = PcrSelection.ofKeylimeMask(TpmHash.SHA256, Bytes.copyOf(in).toText());
    same(
        selection,
        PcrSelection.ofMask(TpmHash.SHA256, selection.mask(TpmHash.SHA256)),
        "a mask names the PCRs of the selection");
  }
}
