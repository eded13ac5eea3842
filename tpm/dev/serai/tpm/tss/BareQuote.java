package dev.serai.tpm.tss;

import static dev.serai.tpm.tss.Esys.NONE;
import static dev.serai.tpm.tss.Esys.PASSWORD;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.WireWriter;

/**
 * For measurements only: Esys_Quote and nothing else. The key is loaded and the arguments are
 * marshalled beforehand, the answer is freed unread; no deadline, no retry. What {@link TssTpm}
 * costs is the difference to this.
 */
public final class BareQuote implements AutoCloseable {
  private final Memory tcti = new Memory(8);
  private final Memory context = new Memory(8);
  private final Memory answers = new Memory(16);
  private final Pointer data;
  private final Pointer scheme;
  private final Pointer selection;
  private final int key;

  private BareQuote(String name, KeyRef.Attestation ak, PcrSelection pcrs, Bytes nonce) {
    tcti.clear();
    context.clear();
    check("Tss2_TctiLdr_Initialize", TctiLoader.Tss2_TctiLdr_Initialize(name, tcti));
    check("Esys_Initialize", Esys.Esys_Initialize(context, tcti.getPointer(0), null));
    data = structure(Mu.In.TPM2B_DATA, new WireWriter().sized(nonce).toBytes());
    scheme = structure(Mu.In.TPMT_SIG_SCHEME, Bytes.ofHex("0010"));
    selection = structure(Mu.In.TPML_PCR_SELECTION, pcrs.encoded());
    answers.clear();
    check(
        "Esys_CreatePrimary",
        Esys.Esys_CreatePrimary(
            context.getPointer(0),
            Esys.RH_ENDORSEMENT,
            PASSWORD,
            NONE,
            NONE,
            structure(Mu.In.TPM2B_SENSITIVE_CREATE, Bytes.ofHex("000400000000")),
            structure(Mu.In.TPM2B_PUBLIC, Templates.of(ak)),
            structure(Mu.In.TPM2B_DATA, Bytes.ofHex("0000")),
            structure(Mu.In.TPML_PCR_SELECTION, Bytes.ofHex("00000000")),
            answers,
            null,
            null,
            null,
            null));
    key = answers.getInt(0);
  }

  /** Opens a context of its own. The choice's TCTI must be able to serve a second one. */
  public static BareQuote open(
      TctiChoice choice, KeyRef.Attestation ak, PcrSelection pcrs, Bytes nonce) {
    Libraries.load();
    return new BareQuote(choice.tcti(), ak, pcrs, nonce);
  }

  /** One quote. */
  public void quote() {
    Pointer signature = answers.share(8);
    check(
        "Esys_Quote",
        Esys.Esys_Quote(
            context.getPointer(0),
            key,
            PASSWORD,
            NONE,
            NONE,
            data,
            scheme,
            selection,
            answers,
            signature));
    Esys.Esys_Free(answers.getPointer(0));
    Esys.Esys_Free(signature.getPointer(0));
  }

  @Override
  public void close() {
    int code = Esys.Esys_FlushContext(context.getPointer(0), key);
    Esys.Esys_Finalize(context);
    TctiLoader.Tss2_TctiLdr_Finalize(tcti);
    check("Esys_FlushContext", code);
  }

  private static Pointer structure(Mu.In type, Bytes wire) {
    try (Memory buffer = new Memory(Math.max(1, wire.size()));
        Memory offset = new Memory(8)) {
      Memory structure = new Memory(8192);
      structure.clear();
      offset.setLong(0, 0);
      buffer.write(0, wire.toArray(), 0, wire.size());
      check(type.name(), type.unmarshal(buffer, wire.size(), offset, structure));
      return structure;
    }
  }

  private static void check(String call, int code) {
    if (code != 0) {
      throw new TpmException(
          Fault.UNAVAILABLE,
          Integer.toUnsignedLong(code),
          "%s: %s".formatted(call, ResponseDecoder.Tss2_RC_Decode(code)));
    }
  }
}
