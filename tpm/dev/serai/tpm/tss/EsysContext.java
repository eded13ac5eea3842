package dev.serai.tpm.tss;

import static dev.serai.tpm.tss.Esys.NONE;
import static dev.serai.tpm.tss.Esys.PASSWORD;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntSupplier;
import java.util.function.Predicate;

/**
 * One ESYS context and the native memory its calls use, allocated once. For one thread. After an
 * answer that {@linkplain ResponseCodes#killsContext kills} it, every call is refused until a new
 * context is made.
 *
 * <p>Wire bytes go in and come out; structures never leave. Handles are ESYS_TR numbers. Sessions
 * are closed by whoever opened them, keys are flushed by {@link TpmSession}.
 */
final class EsysContext implements AutoCloseable {
  private static final int BLOCK = 8192; // the largest structure has 5208 bytes
  private static final int BLOCKS = 4;
  private static final int SLOTS = 4;

  /** Commands that take a slot; when their answer is lost, we do not know what is in it. */
  private static final Set<String> MAKERS =
      Set.of("Esys_CreatePrimary", "Esys_Load", "Esys_StartAuthSession");

  private static final byte SESSION_HMAC = 0;
  private static final byte SESSION_POLICY = 1;
  private static final byte CONTINUE_DECRYPT_ENCRYPT = 0x61;
  private static final short SHA256 = 0x000b;
  private static final Bytes SYMMETRIC_NULL = Bytes.ofHex("0010");
  private static final Bytes SYMMETRIC_AES128_CFB = Bytes.ofHex("000600800043");
  private static final Bytes SCHEME_NULL = Bytes.ofHex("0010");
  private static final Bytes NO_PCRS = Bytes.ofHex("00000000");
  private static final Bytes NO_DATA = Bytes.ofHex("0000");

  /** TPM2B_SENSITIVE_CREATE: empty authorization value, no data. */
  private static final Bytes NO_SENSITIVE = Bytes.ofHex("000400000000");

  /** TPMT_TK_HASHCHECK: no ticket. */
  private static final Bytes NO_TICKET = Bytes.ofHex("8024400000070000");

  private final Memory tcti = new Memory(8);
  private final Memory context = new Memory(8);
  private final Memory wire = new Memory(BLOCK);
  private final Memory offset = new Memory(8);
  private final Memory slots = new Memory(8L * SLOTS);
  private final Memory[] blocks = new Memory[BLOCKS];
  private long deadline = Long.MAX_VALUE;
  private boolean dead;
  private final Map<Integer, Bytes> objects = new HashMap<>();
  private final Set<Integer> sessions = new HashSet<>();
  private boolean madeUnseen;

  private EsysContext() {
    for (int i = 0; i < BLOCKS; i++) {
      blocks[i] = new Memory(BLOCK);
    }
    tcti.clear();
    context.clear();
    slots.clear();
  }

  /**
   * Opens transport and context. May block for as long as the transport does.
   *
   * @throws TpmException NO_LIBRARY or UNAVAILABLE
   */
  static EsysContext open(TctiChoice choice) {
    Libraries.load();
    Libraries.requireTransport(choice.kind());
    EsysContext made = new EsysContext();
    try {
      made.initialize(choice);
      return made;
    } catch (RuntimeException | Error e) {
      made.close();
      throw e;
    }
  }

  private void initialize(TctiChoice choice) {
    String name = choice.tcti();
    int code;
    if (choice.kind() == TctiKind.TABRMD) {
      try (GlibBus bus = GlibBus.hold(TctiChoice.busType(name))) {
        code = TctiLoader.Tss2_TctiLdr_Initialize(name, tcti);
      }
    } else {
      code = TctiLoader.Tss2_TctiLdr_Initialize(name, tcti);
    }
    if (code != 0) {
      throw new TpmException(
          Fault.UNAVAILABLE,
          Integer.toUnsignedLong(code),
          "no TPM answers at %s: %s (0x%x)"
              .formatted(name, ResponseDecoder.Tss2_RC_Decode(code), code));
    }
    code = Esys.Esys_Initialize(context, tcti.getPointer(0), null);
    if (code != 0) {
      throw ResponseCodes.exception("Esys_Initialize", code);
    }
  }

  /** Retries and their pauses end here; System.nanoTime() of the operation's bound. */
  void deadline(long nanos) {
    deadline = nanos;
  }

  boolean dead() {
    return dead;
  }

  /** Transient objects and sessions that are loaded through this context now. */
  int loaded() {
    return objects.size() + sessions.size();
  }

  /** What stays in a TPM without resource manager when this context ends now. */
  Orphans orphans() {
    return new Orphans(Set.copyOf(objects.values()), !sessions.isEmpty(), madeUnseen);
  }

  /** A loaded object and its TPM2B_PUBLIC. */
  record Created(int handle, Bytes publicArea) {}

  /** TPM2B_PUBLIC and TPM2B_PRIVATE of a new object that is not loaded. */
  record Blobs(Bytes publicBlob, Bytes privateBlob) {}

  /** TPM2B_PCR values with the selection that they answer. */
  record PcrValues(Bytes selection, Bytes digests) {}

  /** TPM2B_ATTEST content and TPMT_SIGNATURE. */
  record Signed(Bytes attest, Bytes signature) {}

  void startup() {
    command("Esys_Startup", () -> Esys.Esys_Startup(esys(), (short) 0));
  }

  Bytes random(int count) {
    command(
        "Esys_GetRandom",
        () -> Esys.Esys_GetRandom(esys(), NONE, NONE, NONE, (short) count, slot(0)));
    return content(take(0, Mu.Out.TPM2B_DIGEST));
  }

  /** TPMS_CAPABILITY_DATA after its capability number. */
  Bytes capability(int capability, int property, int count) {
    // Never a capability a TPM may not know: a refused one ends tpm2-abrmd.
    command(
        "Esys_GetCapability",
        () ->
            Esys.Esys_GetCapability(
                esys(), NONE, NONE, NONE, capability, property, count, slot(1), slot(0)));
    Bytes data = take(0, Mu.Out.TPMS_CAPABILITY_DATA);
    return data.slice(4, data.size() - 4);
  }

  PcrValues readPcrs(Bytes selection) {
    Pointer in = in(0, Mu.In.TPML_PCR_SELECTION, selection);
    command(
        "Esys_PCR_Read",
        () -> Esys.Esys_PCR_Read(esys(), NONE, NONE, NONE, in, null, slot(0), slot(1)));
    try {
      return new PcrValues(copy(0, Mu.Out.TPML_PCR_SELECTION), copy(1, Mu.Out.TPML_DIGEST));
    } finally {
      release(0);
      release(1);
    }
  }

  /**
   * @param digests TPML_DIGEST_VALUES
   */
  void extendPcr(int pcr, Bytes digests) {
    Pointer in = in(0, Mu.In.TPML_DIGEST_VALUES, digests);
    command("Esys_PCR_Extend", () -> Esys.Esys_PCR_Extend(esys(), pcr, PASSWORD, NONE, NONE, in));
  }

  void resetPcr(int pcr) {
    command("Esys_PCR_Reset", () -> Esys.Esys_PCR_Reset(esys(), pcr, PASSWORD, NONE, NONE));
  }

  /** TPMS_TIME_INFO. */
  Bytes clock() {
    command("Esys_ReadClock", () -> Esys.Esys_ReadClock(esys(), NONE, NONE, NONE, slot(0)));
    return take(0, Mu.Out.TPMS_TIME_INFO);
  }

  /** A reference to what the TPM already holds: an NV index, or a handle left by another. */
  int reference(int tpmHandle) {
    command(
        "Esys_TR_FromTPMPublic",
        () -> Esys.Esys_TR_FromTPMPublic(esys(), tpmHandle, NONE, NONE, NONE, slot(0)));
    return slot(0).getInt(0);
  }

  /** Forgets a reference; the TPM keeps the object. */
  void forget(int reference) {
    if (!dead) {
      slot(0).setInt(0, reference);
      int code = Esys.Esys_TR_Close(esys(), slot(0));
      slot(0).setLong(0, 0);
      dead |= code != 0 && ResponseCodes.killsContext(code);
    }
  }

  /** TPM2B_NV_PUBLIC. */
  Bytes nvPublic(int reference) {
    command(
        "Esys_NV_ReadPublic",
        () -> Esys.Esys_NV_ReadPublic(esys(), reference, NONE, NONE, NONE, slot(0), null));
    return take(0, Mu.Out.TPM2B_NV_PUBLIC);
  }

  Bytes readNv(int authority, int reference, int size, int from) {
    command(
        "Esys_NV_Read",
        () ->
            Esys.Esys_NV_Read(
                esys(),
                authority,
                reference,
                PASSWORD,
                NONE,
                NONE,
                (short) size,
                (short) from,
                slot(0)));
    return content(take(0, Mu.Out.TPM2B_MAX_NV_BUFFER));
  }

  Created createPrimary(int hierarchy, Bytes template) {
    Pointer sensitive = in(0, Mu.In.TPM2B_SENSITIVE_CREATE, NO_SENSITIVE);
    Pointer publicArea = in(1, Mu.In.TPM2B_PUBLIC, template);
    Pointer data = in(2, Mu.In.TPM2B_DATA, NO_DATA);
    Pointer pcrs = in(3, Mu.In.TPML_PCR_SELECTION, NO_PCRS);
    command(
        "Esys_CreatePrimary",
        () ->
            Esys.Esys_CreatePrimary(
                esys(),
                hierarchy,
                PASSWORD,
                NONE,
                NONE,
                sensitive,
                publicArea,
                data,
                pcrs,
                slot(0),
                slot(1),
                null,
                null,
                null));
    int handle = slot(0).getInt(0);
    try {
      Bytes made = take(1, Mu.Out.TPM2B_PUBLIC);
      objects.put(handle, made);
      return new Created(handle, made);
    } catch (TpmException e) {
      flush(handle);
      throw e;
    }
  }

  Blobs create(int parent, Bytes template) {
    Pointer sensitive = in(0, Mu.In.TPM2B_SENSITIVE_CREATE, NO_SENSITIVE);
    Pointer publicArea = in(1, Mu.In.TPM2B_PUBLIC, template);
    Pointer data = in(2, Mu.In.TPM2B_DATA, NO_DATA);
    Pointer pcrs = in(3, Mu.In.TPML_PCR_SELECTION, NO_PCRS);
    command(
        "Esys_Create",
        () ->
            Esys.Esys_Create(
                esys(),
                parent,
                PASSWORD,
                NONE,
                NONE,
                sensitive,
                publicArea,
                data,
                pcrs,
                slot(0),
                slot(1),
                null,
                null,
                null));
    try {
      return new Blobs(copy(1, Mu.Out.TPM2B_PUBLIC), copy(0, Mu.Out.TPM2B_PRIVATE));
    } finally {
      release(0);
      release(1);
    }
  }

  int load(int parent, Bytes privateBlob, Bytes publicBlob) {
    Pointer inPrivate = in(0, Mu.In.TPM2B_PRIVATE, privateBlob);
    Pointer inPublic = in(1, Mu.In.TPM2B_PUBLIC, publicBlob);
    command(
        "Esys_Load",
        () -> Esys.Esys_Load(esys(), parent, PASSWORD, NONE, NONE, inPrivate, inPublic, slot(0)));
    int handle = slot(0).getInt(0);
    objects.put(handle, publicBlob);
    return handle;
  }

  /** A session salted to a loaded decryption key that encrypts the first parameter both ways. */
  int encryptingSession(int saltKey) {
    int session = session(saltKey, SESSION_HMAC, SYMMETRIC_AES128_CFB);
    try {
      command(
          "Esys_TRSess_SetAttributes",
          () ->
              Esys.Esys_TRSess_SetAttributes(
                  esys(), session, CONTINUE_DECRYPT_ENCRYPT, (byte) 0xff));
    } catch (TpmException e) {
      flush(session);
      throw e;
    }
    return session;
  }

  /** A policy session satisfied with PolicySecret of the endorsement hierarchy (PolicyA). */
  int endorsementPolicySession() {
    int session = session(NONE, SESSION_POLICY, SYMMETRIC_NULL);
    try {
      command(
          "Esys_PolicySecret",
          () ->
              Esys.Esys_PolicySecret(
                  esys(),
                  Esys.RH_ENDORSEMENT,
                  session,
                  PASSWORD,
                  NONE,
                  NONE,
                  null,
                  null,
                  null,
                  0,
                  null,
                  null));
    } catch (TpmException e) {
      flush(session);
      throw e;
    }
    return session;
  }

  private int session(int saltKey, byte type, Bytes symmetric) {
    Pointer definition = in(0, Mu.In.TPMT_SYM_DEF, symmetric);
    command(
        "Esys_StartAuthSession",
        () ->
            Esys.Esys_StartAuthSession(
                esys(), saltKey, NONE, NONE, NONE, NONE, null, type, definition, SHA256, slot(0)));
    int handle = slot(0).getInt(0);
    sessions.add(handle);
    return handle;
  }

  /** Removes a key or session from the TPM. Says nothing when the TPM does not have it any more. */
  void flush(int handle) {
    if (dead) {
      return; // one of the orphans
    }
    int code = Esys.Esys_FlushContext(esys(), handle);
    if (ResponseCodes.killsContext(code)) {
      dead = true;
      return;
    }
    objects.remove(handle);
    sessions.remove(handle);
    if (code != 0) {
      forget(handle);
    }
  }

  /**
   * Removes from the TPM what nobody of this context made.
   *
   * @param which told the TPM2B_PUBLIC, says whether to remove the object
   */
  void flushForeignObject(int tpmHandle, Predicate<Bytes> which) {
    int reference = reference(tpmHandle);
    boolean remove;
    try {
      command(
          "Esys_ReadPublic",
          () -> Esys.Esys_ReadPublic(esys(), reference, NONE, NONE, NONE, slot(0), null, null));
      remove = which.test(take(0, Mu.Out.TPM2B_PUBLIC));
    } catch (TpmException e) {
      forget(reference);
      throw e;
    }
    if (remove) {
      flush(reference);
    } else {
      forget(reference);
    }
  }

  /** Removes a session that nobody of this context made. */
  void flushForeignSession(int tpmHandle) {
    flush(reference(tpmHandle));
  }

  Bytes activateCredential(int key, int endorsementKey, Bytes idObject, Bytes secret) {
    int policy = endorsementPolicySession();
    try {
      int encrypting = encryptingSession(endorsementKey);
      try {
        Pointer blob = in(0, Mu.In.TPM2B_ID_OBJECT, idObject);
        Pointer seed = in(1, Mu.In.TPM2B_ENCRYPTED_SECRET, secret);
        command(
            "Esys_ActivateCredential",
            () ->
                Esys.Esys_ActivateCredential(
                    esys(),
                    key,
                    endorsementKey,
                    PASSWORD,
                    policy,
                    encrypting,
                    blob,
                    seed,
                    slot(0)));
        return content(take(0, Mu.Out.TPM2B_DIGEST));
      } finally {
        wire.clear();
        flush(encrypting);
      }
    } finally {
      flush(policy);
    }
  }

  /**
   * @param qualifyingData TPM2B_DATA
   */
  Signed certify(int subject, int signer, Bytes qualifyingData) {
    Pointer data = in(0, Mu.In.TPM2B_DATA, qualifyingData);
    Pointer scheme = in(1, Mu.In.TPMT_SIG_SCHEME, SCHEME_NULL);
    command(
        "Esys_Certify",
        () ->
            Esys.Esys_Certify(
                esys(), subject, signer, PASSWORD, PASSWORD, NONE, data, scheme, slot(0), slot(1)));
    return signed();
  }

  /**
   * @param qualifyingData TPM2B_DATA
   * @param selection TPML_PCR_SELECTION
   */
  Signed quote(int signer, Bytes qualifyingData, Bytes selection) {
    Pointer data = in(0, Mu.In.TPM2B_DATA, qualifyingData);
    Pointer scheme = in(1, Mu.In.TPMT_SIG_SCHEME, SCHEME_NULL);
    Pointer pcrs = in(2, Mu.In.TPML_PCR_SELECTION, selection);
    command(
        "Esys_Quote",
        () ->
            Esys.Esys_Quote(
                esys(), signer, PASSWORD, NONE, NONE, data, scheme, pcrs, slot(0), slot(1)));
    return signed();
  }

  private Signed signed() {
    try {
      return new Signed(content(copy(0, Mu.Out.TPM2B_ATTEST)), copy(1, Mu.Out.TPMT_SIGNATURE));
    } finally {
      release(0);
      release(1);
    }
  }

  /**
   * @param digest TPM2B_DIGEST
   * @param scheme TPMT_SIG_SCHEME
   */
  Bytes sign(int key, Bytes digest, Bytes scheme) {
    Pointer inDigest = in(0, Mu.In.TPM2B_DIGEST, digest);
    Pointer inScheme = in(1, Mu.In.TPMT_SIG_SCHEME, scheme);
    Pointer ticket = in(2, Mu.In.TPMT_TK_HASHCHECK, NO_TICKET);
    command(
        "Esys_Sign",
        () ->
            Esys.Esys_Sign(esys(), key, PASSWORD, NONE, NONE, inDigest, inScheme, ticket, slot(0)));
    return take(0, Mu.Out.TPMT_SIGNATURE);
  }

  /**
   * Frees the context and the transport. What is still loaded stays in a TPM without resource
   * manager: the owner of the handles flushes them first. Never while a call is under way.
   */
  @Override
  public void close() {
    dead = true;
    if (context.getPointer(0) != null) {
      Esys.Esys_Finalize(context);
      context.clear();
    }
    if (tcti.getPointer(0) != null) {
      TctiLoader.Tss2_TctiLdr_Finalize(tcti);
      tcti.clear();
    }
    for (Memory block : blocks) {
      block.close();
    }
    wire.close();
    offset.close();
    slots.close();
    context.close();
    tcti.close();
  }

  /** Runs a call, again with growing pauses while the TPM asks for it and the bound allows. */
  private void command(String name, IntSupplier call) {
    if (dead) {
      throw new TpmException(Fault.UNAVAILABLE, 0, name + ": the context was lost");
    }
    long pause = TimeUnit.MILLISECONDS.toNanos(20);
    while (true) {
      int code = call.getAsInt();
      if (code == 0) {
        return;
      }
      if (ResponseCodes.fault(code) != Fault.RETRY
          || deadline - System.nanoTime() < pause
          || Thread.currentThread().isInterrupted()) {
        if (ResponseCodes.killsContext(code)) {
          dead = true;
          madeUnseen = MAKERS.contains(name);
        }
        throw ResponseCodes.exception(name, code);
      }
      LockSupport.parkNanos(pause);
      pause = Math.min(2 * pause, TimeUnit.SECONDS.toNanos(1));
    }
  }

  private Pointer esys() {
    return context.getPointer(0);
  }

  private Pointer slot(int index) {
    return slots.share(8L * index);
  }

  private Pointer in(int block, Mu.In type, Bytes value) {
    if (dead) {
      throw new TpmException(Fault.UNAVAILABLE, 0, type + ": the context was lost");
    }
    if (value.size() > BLOCK) {
      throw new TpmException(Fault.COMMAND, 0, "%s of %d bytes".formatted(type, value.size()));
    }
    wire.write(0, value.toArray(), 0, value.size());
    offset.setLong(0, 0);
    Memory structure = blocks[block];
    structure.clear();
    int code = type.unmarshal(wire, value.size(), offset, structure);
    if (code != 0 || offset.getLong(0) != value.size()) {
      throw new TpmException(
          Fault.COMMAND,
          Integer.toUnsignedLong(code),
          "%s is not well-formed: %s (0x%x)"
              .formatted(type, ResponseDecoder.Tss2_RC_Decode(code), code));
    }
    return structure;
  }

  private Bytes take(int slot, Mu.Out type) {
    try {
      return copy(slot, type);
    } finally {
      release(slot);
    }
  }

  private Bytes copy(int slot, Mu.Out type) {
    offset.setLong(0, 0);
    int code = type.marshal(slot(slot).getPointer(0), wire, BLOCK, offset);
    if (code != 0) {
      throw ResponseCodes.exception("Tss2_MU_" + type + "_Marshal", code);
    }
    return Bytes.copyOf(wire.getByteArray(0, (int) offset.getLong(0)));
  }

  private void release(int slot) {
    Pointer answer = slot(slot).getPointer(0);
    slot(slot).setLong(0, 0);
    Esys.Esys_Free(answer);
  }

  /** The content of a TPM2B. */
  private static Bytes content(Bytes sized) {
    return sized.slice(2, sized.size() - 2);
  }
}
