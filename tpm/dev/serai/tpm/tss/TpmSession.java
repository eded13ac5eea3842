package dev.serai.tpm.tss;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.DictionaryAttack;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmClock;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import dev.serai.tpm.TpmProperties;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.CredentialBlob;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmtPublic;
import dev.serai.tpm.wire.WireReader;
import dev.serai.tpm.wire.WireWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;

/**
 * One connection to the TPM and the keys it holds. For the owner thread only.
 *
 * <p>A TPM has three object slots, and making or loading a key needs one of them. So at most two
 * keys stay loaded, usually the AK and the App Key; the storage root and the EK are there only
 * while they are needed. A key that the TPM does not know any more is loaded again.
 */
final class TpmSession implements AutoCloseable {
  private static final int SLOTS = 3;
  private static final int SLOTS_AT_REST = 2;
  private static final int CAPABILITY_HANDLES = 1;
  private static final int CAPABILITY_PCRS = 5;
  private static final int CAPABILITY_PROPERTIES = 6;
  private static final int PROPERTIES_FIXED = 0x100;
  private static final int PROPERTIES_VARIABLE = 0x200;
  private static final int PT_MANUFACTURER = 0x105;
  private static final int PT_VENDOR_STRING_1 = 0x106;
  private static final int PT_FIRMWARE_1 = 0x10b;
  private static final int PT_FIRMWARE_2 = 0x10c;
  private static final int PT_NV_BUFFER_MAX = 0x12c;
  private static final int PT_PERMANENT = 0x200;
  private static final int PERMANENT_IN_LOCKOUT = 1 << 9;
  private static final int PT_LOCKOUT_COUNTER = 0x20e;
  private static final int PT_MAX_AUTH_FAIL = 0x20f;
  private static final int PT_LOCKOUT_INTERVAL = 0x210;
  private static final int NV_OWNERREAD = 1 << 17;
  private static final int NV_AUTHREAD = 1 << 18;
  private static final int MENDS = 3;
  private static final int TRANSIENT = 0x80000000;
  private static final int LOADED_SESSION = 0x02000000;
  private static final int SAVED_SESSION = 0x03000000;
  private static final int PAGE = 64;

  /** More than any list a TPM has; a TPM that always says "more" does not keep us. */
  private static final int MAX_PAGES = 64;

  /**
   * A tpm2-abrmd that was killed leaves what it had loaded, and nobody can reach that through it.
   */
  private static final String FULL_BEHIND_TABRMD =
      "systemctl stop tpm2-abrmd && tpm2_flushcontext -T device:/dev/tpm0 -t"
          + " && systemctl start tpm2-abrmd";

  private final TctiChoice choice;
  private final EsysContext esys;

  /** In order of use, the least recently used first. */
  private final LinkedHashMap<KeyRef, LoadedKey> keys = new LinkedHashMap<>(8, 0.75f, true);

  /** Of the keys made from templates; there are a few of those, and any number of App Keys. */
  private final Map<KeyRef, TpmtPublic> publicAreas = new HashMap<>();

  private int nvBuffer;

  private record LoadedKey(int handle) {}

  private TpmSession(TctiChoice choice, EsysContext esys) {
    this.choice = choice;
    this.esys = esys;
  }

  /** Opens the TPM that was chosen. */
  static TpmSession open(TctiChoice choice, long deadline) {
    EsysContext esys = EsysContext.open(choice);
    esys.deadline(deadline);
    return new TpmSession(choice, esys);
  }

  void deadline(long nanos) {
    esys.deadline(nanos);
  }

  boolean dead() {
    return esys.dead();
  }

  /** Whether the TPM answers, and no other resource manager works beside us. */
  void check(TpmMachine machine) {
    choice.mustBeUncontested(machine);
    clock();
  }

  /** Keys that are loaded now; they need no long deadline. */
  Set<KeyRef> loadedKeys() {
    return Set.copyOf(keys.keySet());
  }

  int loadedHandles() {
    return esys.loaded();
  }

  Bytes random(int count) {
    return guarded(
        () -> {
          WireWriter all = new WireWriter();
          int missing = count;
          while (missing > 0) {
            Bytes part = esys.random(Math.min(missing, 64));
            if (part.isEmpty()) {
              throw new TpmException(Fault.COMMAND, 0, "the TPM gave no random bytes");
            }
            all.bytes(part);
            missing -= part.size();
          }
          return all.toBytes();
        });
  }

  TpmProperties properties() {
    return guarded(
        () -> {
          Map<Integer, Long> fixed = tpmProperties(PROPERTIES_FIXED);
          Map<Integer, Long> variable = tpmProperties(PROPERTIES_VARIABLE);
          StringBuilder vendor = new StringBuilder();
          for (int i = 0; i < 4; i++) {
            vendor.append(letters(fixed.getOrDefault(PT_VENDOR_STRING_1 + i, 0L)));
          }
          long firmware1 = fixed.getOrDefault(PT_FIRMWARE_1, 0L);
          long firmware2 = fixed.getOrDefault(PT_FIRMWARE_2, 0L);
          return new TpmProperties(
              letters(fixed.getOrDefault(PT_MANUFACTURER, 0L)),
              vendor.toString().trim(),
              "%d.%d.%d.%d"
                  .formatted(
                      firmware1 >> 16, firmware1 & 0xffff, firmware2 >> 16, firmware2 & 0xffff),
              choice.tcti() + ": " + choice.explanation(),
              activeBanks(),
              dictionaryAttack(variable),
              esys.loaded(),
              fixed);
        });
  }

  private static DictionaryAttack dictionaryAttack(Map<Integer, Long> variable) {
    return new DictionaryAttack(
        (variable.getOrDefault(PT_PERMANENT, 0L) & PERMANENT_IN_LOCKOUT) != 0,
        variable.getOrDefault(PT_LOCKOUT_COUNTER, 0L),
        variable.getOrDefault(PT_MAX_AUTH_FAIL, 0L),
        Duration.ofSeconds(variable.getOrDefault(PT_LOCKOUT_INTERVAL, 0L)));
  }

  Map<TpmHash, SortedMap<Integer, Bytes>> readPcrs(PcrSelection selection) {
    return guarded(
        () -> {
          Map<TpmHash, SortedMap<Integer, Bytes>> values = new LinkedHashMap<>();
          selection.pcrs().keySet().forEach(bank -> values.put(bank, new TreeMap<>()));
          PcrSelection missing = selection;
          while (missing.count() > 0) {
            EsysContext.PcrValues answer = esys.readPcrs(missing.encoded());
            int before = missing.count();
            missing = store(answer, values, missing);
            if (missing.count() == before) {
              throw new TpmException(
                  Fault.COMMAND, 0, "the TPM has no PCRs " + missing + ": is the bank active?");
            }
          }
          return values;
        });
  }

  private static PcrSelection store(
      EsysContext.PcrValues answer,
      Map<TpmHash, SortedMap<Integer, Bytes>> values,
      PcrSelection missing) {
    try {
      PcrSelection got = PcrSelection.parse(answer.selection());
      WireReader digests = new WireReader("TPML_DIGEST", answer.digests());
      if (digests.uint32() != got.count()) {
        throw digests.malformed("not one digest for each PCR");
      }
      Map<TpmHash, SortedSet<Integer>> rest = new LinkedHashMap<>();
      missing.pcrs().forEach((bank, indices) -> rest.put(bank, new TreeSet<>(indices)));
      for (Map.Entry<TpmHash, SortedSet<Integer>> bank : got.pcrs().entrySet()) {
        for (int index : bank.getValue()) {
          Bytes value = digests.sized(bank.getKey().digestLength());
          if (rest.getOrDefault(bank.getKey(), new TreeSet<>()).remove(index)) {
            values.get(bank.getKey()).put(index, value);
          }
        }
      }
      digests.end();
      return new PcrSelection(rest);
    } catch (MalformedStructureException e) {
      throw unreadable("TPM2_PCR_Read", e);
    }
  }

  void extendPcr(int pcr, TpmHash bank, Bytes digest) {
    checkPcr(pcr);
    if (digest.size() != bank.digestLength()) {
      throw new TpmException(
          Fault.COMMAND, 0, "%s digest of %d bytes".formatted(bank, digest.size()));
    }
    // Not guarded: an extend must never be sent twice.
    Bytes values = new WireWriter().uint32(1).uint16(bank.id()).bytes(digest).toBytes();
    esys.extendPcr(pcr, values);
  }

  void resetPcr(int pcr) {
    checkPcr(pcr);
    guarded(
        () -> {
          esys.resetPcr(pcr);
          return null;
        });
  }

  TpmClock clock() {
    return guarded(
        () -> {
          WireReader in = new WireReader("TPMS_TIME_INFO", esys.clock());
          try {
            in.uint64(); // time since power on
            long clock = in.uint64();
            long resets = in.uint32();
            long restarts = in.uint32();
            return new TpmClock(clock, resets, restarts, in.uint8() == 1);
          } catch (MalformedStructureException e) {
            throw unreadable("TPM2_ReadClock", e);
          }
        });
  }

  Bytes readNv(int index) {
    return guarded(() -> nvContent(index));
  }

  List<Bytes> endorsementCertificates(KeyRef.Endorsement ek) {
    TpmtPublic key = publicArea(ek);
    return guarded(() -> new EndorsementCertificates(this::handles, this::nvContent).find(ek, key));
  }

  TpmtPublic publicArea(KeyRef key) {
    return withKeys(
        () -> {
          if (key instanceof KeyRef.App app) {
            load(app, Set.of());
            return parsed(app.publicBlob());
          }
          if (!publicAreas.containsKey(key)) {
            load(key, Set.of());
          }
          return publicAreas.get(key);
        });
  }

  KeyRef.App createAppKey(Tpm.AppKeyType type) {
    return withKeys(
        () -> {
          makeRoom(2, Set.of());
          int root = storageRoot();
          try {
            EsysContext.Blobs blobs = esys.create(root, Templates.of(type));
            return new KeyRef.App(blobs.publicBlob(), blobs.privateBlob());
          } finally {
            esys.flush(root);
          }
        });
  }

  Bytes activateCredential(KeyRef.Attestation ak, KeyRef.Endorsement ek, CredentialBlob blob) {
    return withKeys(
        () -> {
          int signer = load(ak, Set.of(ak));
          int endorser = load(ek, Set.of(ak, ek));
          return esys.activateCredential(
              signer, endorser, sized(blob.idObject()), sized(blob.encryptedSecret()));
        });
  }

  Tpm.Attested certify(KeyRef subject, KeyRef.Attestation ak, Bytes qualifyingData) {
    return withKeys(
        () -> {
          int signer = load(ak, Set.of(ak));
          int certified = load(subject, Set.of(ak, subject));
          return attested(esys.certify(certified, signer, sized(qualifyingData)));
        });
  }

  Tpm.Attested quote(KeyRef.Attestation ak, PcrSelection selection, Bytes qualifyingData) {
    return withKeys(
        () ->
            attested(esys.quote(load(ak, Set.of(ak)), sized(qualifyingData), selection.encoded())));
  }

  Bytes sign(KeyRef.App key, Tpm.SignScheme scheme, Bytes digest) {
    int schemeId =
        switch (scheme) {
          case ECDSA_SHA256 -> 0x0018;
          case RSASSA_SHA256 -> 0x0014;
          case RSAPSS_SHA256 -> 0x0016;
        };
    Bytes encoded = new WireWriter().uint16(schemeId).uint16(TpmHash.SHA256.id()).toBytes();
    return withKeys(() -> esys.sign(load(key, Set.of(key)), sized(digest), encoded));
  }

  /** Takes every key out of the TPM, then gives the connection back. */
  @Override
  public void close() {
    unloadAll();
    esys.close();
  }

  private int load(KeyRef ref, Set<KeyRef> pinned) {
    LoadedKey known = keys.get(ref);
    if (known != null) {
      return known.handle();
    }
    if (ref instanceof KeyRef.App app) {
      return loadApp(app, pinned);
    }
    makeRoom(1, pinned);
    Bytes template =
        ref instanceof KeyRef.Endorsement ek
            ? Templates.of(ek)
            : Templates.of((KeyRef.Attestation) ref);
    EsysContext.Created made = esys.createPrimary(Esys.RH_ENDORSEMENT, template);
    keys.put(ref, new LoadedKey(made.handle()));
    publicAreas.put(ref, parsed(made.publicArea()));
    return made.handle();
  }

  private int loadApp(KeyRef.App app, Set<KeyRef> pinned) {
    parsed(app.publicBlob()); // what is no public area is refused before the TPM sees it
    makeRoom(2, pinned);
    int root = storageRoot();
    try {
      int handle = esys.load(root, app.privateBlob(), app.publicBlob());
      keys.put(app, new LoadedKey(handle));
      return handle;
    } finally {
      esys.flush(root);
    }
  }

  private int storageRoot() {
    return esys.createPrimary(Esys.RH_OWNER, Templates.STORAGE_ROOT).handle();
  }

  private static TpmtPublic parsed(Bytes publicBlob) {
    try {
      return TpmtPublic.parseSized(publicBlob);
    } catch (MalformedStructureException e) {
      throw unreadable("public area", e);
    }
  }

  /** Unloads the keys used longest ago until so many slots are free. */
  private void makeRoom(int slots, Set<KeyRef> pinned) {
    shrinkTo(SLOTS - slots, pinned);
  }

  private void shrinkTo(int limit, Set<KeyRef> pinned) {
    Iterator<Map.Entry<KeyRef, LoadedKey>> oldest = keys.entrySet().iterator();
    while (keys.size() > limit && oldest.hasNext()) {
      Map.Entry<KeyRef, LoadedKey> key = oldest.next();
      if (!pinned.contains(key.getKey())) {
        oldest.remove();
        esys.flush(key.getValue().handle());
      }
    }
  }

  private void unloadAll() {
    shrinkTo(0, Set.of());
  }

  /** Runs an operation; mends what can be mended without asking anybody, a few times at most. */
  private <T> T guarded(Supplier<T> operation) {
    return mending(operation, false);
  }

  /** The same for operations whose keys the TPM may have lost. */
  private <T> T withKeys(Supplier<T> operation) {
    return mending(operation, true);
  }

  private <T> T mending(Supplier<T> operation, boolean usesKeys) {
    for (int left = MENDS; ; left--) {
      try {
        T answer = operation.get();
        shrinkTo(SLOTS_AT_REST, Set.of());
        return answer;
      } catch (TpmException e) {
        if (left == 0 || esys.dead() || !mended(e, usesKeys)) {
          throw e.fault() == Fault.RESOURCES && choice.kind() == TctiKind.TABRMD
              ? e.withRemedy(FULL_BEHIND_TABRMD)
              : e;
        }
      }
    }
  }

  private boolean mended(TpmException e, boolean usesKeys) {
    if (ResponseCodes.isNotStarted((int) e.responseCode()) && !choice.kind().managed()) {
      unloadAll();
      esys.startup();
      return true;
    }
    if (e.fault() == Fault.STALE_KEY && usesKeys) {
      unloadAll(); // the TPM was reset, or another process took the keys out
      return true;
    }
    if (e.fault() == Fault.RESOURCES) {
      unloadAll();
      if (!choice.kind().managed()) {
        flushLeftovers();
      }
      return true;
    }
    return false;
  }

  /**
   * Without a resource manager a process that was killed leaves its keys and sessions in the TPM
   * for ever. Such a TPM has one user at a time, so what is not ours is nobody's.
   */
  private void flushLeftovers() {
    flush(new Orphans(Set.of(), true, true));
  }

  /** Takes out what an earlier context of this process has left. */
  void flush(Orphans orphans) {
    if (orphans.isEmpty() || choice.kind().managed()) {
      return;
    }
    for (int handle : handles(TRANSIENT, TRANSIENT | 0xffffff)) {
      unlessGone(
          () ->
              esys.flushForeignObject(
                  handle, found -> orphans.unknown() || orphans.publicAreas().contains(found)));
    }
    if (orphans.sessions() || orphans.unknown()) {
      for (int standing : new int[] {LOADED_SESSION, SAVED_SESSION}) {
        for (int handle : sessions(standing)) {
          unlessGone(() -> esys.flushForeignSession(handle));
        }
      }
    }
  }

  /** Another process may have removed it since we listed it. */
  private static void unlessGone(Runnable removal) {
    try {
      removal.run();
    } catch (TpmException e) {
      if (e.fault() != Fault.STALE_KEY) {
        throw e;
      }
    }
  }

  /** What stays in the TPM when this session ends now; empty where a resource manager tidies up. */
  Orphans orphans() {
    return choice.kind().managed() ? Orphans.NONE : esys.orphans();
  }

  private Bytes nvContent(int index) {
    int reference = esys.reference(index);
    try {
      WireReader nv = new WireReader("TPM2B_NV_PUBLIC", esys.nvPublic(reference));
      nv.uint16();
      nv.uint32();
      nv.uint16();
      long attributes = nv.uint32();
      nv.sized(64);
      int size = nv.uint16();
      if ((attributes & (NV_AUTHREAD | NV_OWNERREAD)) == 0) {
        throw new TpmException(
            Fault.AUTH, 0, "NV index 0x%08x is read with a policy only".formatted(index));
      }
      boolean byIndex = (attributes & NV_AUTHREAD) != 0;
      try {
        return nvContent(byIndex ? reference : Esys.RH_OWNER, reference, size);
      } catch (TpmException e) {
        if (e.fault() != Fault.AUTH || !byIndex || (attributes & NV_OWNERREAD) == 0) {
          throw e;
        }
        return nvContent(Esys.RH_OWNER, reference, size);
      }
    } catch (MalformedStructureException e) {
      throw unreadable("TPM2_NV_ReadPublic", e);
    } finally {
      esys.forget(reference);
    }
  }

  private Bytes nvContent(int authority, int reference, int size) {
    if (nvBuffer == 0) {
      nvBuffer =
          (int)
              Math.max(
                  64,
                  Math.min(
                      1024, tpmProperties(PROPERTIES_FIXED).getOrDefault(PT_NV_BUFFER_MAX, 512L)));
    }
    WireWriter content = new WireWriter();
    for (int at = 0; at < size; at += nvBuffer) {
      content.bytes(esys.readNv(authority, reference, Math.min(nvBuffer, size - at), at));
    }
    return content.toBytes();
  }

  /**
   * Sessions that are loaded, or saved. Their handles begin with 02 (HMAC) or 03 (policy) whatever
   * their standing is: the range asked for says the standing, that of the answer the type. A TPM
   * has fewer than a page.
   */
  private List<Integer> sessions(int standing) {
    WireReader in =
        new WireReader("TPML_HANDLE", esys.capability(CAPABILITY_HANDLES, standing, PAGE));
    List<Integer> found = new ArrayList<>();
    try {
      long count = in.uint32();
      for (long i = 0; i < count; i++) {
        found.add((int) in.uint32());
      }
      return found;
    } catch (MalformedStructureException e) {
      throw unreadable("TPM2_GetCapability", e);
    }
  }

  /** Handles from first to last, as GetCapability lists them. */
  private List<Integer> handles(int first, int last) {
    List<Integer> found = new ArrayList<>();
    int next = first;
    try {
      for (int page = 0; page < MAX_PAGES; page++) {
        WireReader in =
            new WireReader("TPML_HANDLE", esys.capability(CAPABILITY_HANDLES, next, PAGE));
        long count = in.uint32();
        for (long i = 0; i < count; i++) {
          int handle = (int) in.uint32();
          if (Integer.compareUnsigned(handle, last) > 0) {
            return found;
          }
          found.add(handle);
          next = handle + 1;
        }
        if (count < PAGE) {
          return found;
        }
      }
      return found;
    } catch (MalformedStructureException e) {
      throw unreadable("TPM2_GetCapability", e);
    }
  }

  private Map<Integer, Long> tpmProperties(int first) {
    Map<Integer, Long> found = new TreeMap<>();
    int next = first;
    try {
      for (int page = 0; page < MAX_PAGES; page++) {
        WireReader in =
            new WireReader(
                "TPML_TAGGED_TPM_PROPERTY", esys.capability(CAPABILITY_PROPERTIES, next, PAGE));
        long count = in.uint32();
        for (long i = 0; i < count; i++) {
          int property = (int) in.uint32();
          long value = in.uint32();
          if (property >= first + 0x100) {
            return found;
          }
          found.put(property, value);
          next = property + 1;
        }
        if (count < PAGE) {
          return found;
        }
      }
      return found;
    } catch (MalformedStructureException e) {
      throw unreadable("TPM2_GetCapability", e);
    }
  }

  private List<TpmHash> activeBanks() {
    WireReader in = new WireReader("TPML_PCR_SELECTION", esys.capability(CAPABILITY_PCRS, 0, PAGE));
    List<TpmHash> active = new ArrayList<>();
    try {
      long count = in.uint32();
      for (long i = 0; i < count; i++) {
        int bank = in.uint16();
        Bytes select = in.exactly(in.uint8());
        boolean any = false;
        for (int at = 0; at < select.size(); at++) {
          any |= select.at(at) != 0;
        }
        if (any) {
          TpmHash.byId(bank).ifPresent(active::add);
        }
      }
      return active;
    } catch (MalformedStructureException e) {
      throw unreadable("TPM2_GetCapability", e);
    }
  }

  private static void checkPcr(int pcr) {
    if (pcr < 0 || pcr >= PcrSelection.PCR_COUNT) {
      throw new TpmException(Fault.COMMAND, 0, "PCRs are 0 to 23, not " + pcr);
    }
  }

  private static Tpm.Attested attested(EsysContext.Signed signed) {
    return new Tpm.Attested(signed.attest(), signed.signature());
  }

  private static Bytes sized(Bytes content) {
    return new WireWriter().sized(content).toBytes();
  }

  private static TpmException unreadable(String command, MalformedStructureException e) {
    return new TpmException(Fault.COMMAND, 0, command + " answered what we cannot read", e);
  }

  private static String letters(long value) {
    byte[] four = {(byte) (value >> 24), (byte) (value >> 16), (byte) (value >> 8), (byte) value};
    return new String(four, StandardCharsets.US_ASCII).replace("\0", "");
  }
}
