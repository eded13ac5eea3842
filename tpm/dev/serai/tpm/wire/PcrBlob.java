package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;

/**
 * PCR values beside a quote, in the little-endian file format of tpm2-tools that Keylime carries:
 * the selection in 16 slots, then lists of up to eight digests in 64 byte slots. It is unsigned:
 * the values mean something only when their digest is in a quote, and then they belong to the PCRs
 * of the quote's selection, whatever this one's selection says.
 *
 * @param selection what the sender says the values are
 * @param values banks in the order of the selection, indices ascending
 */
public record PcrBlob(PcrSelection selection, List<Bytes> values) {
  private static final int SELECTION_SLOTS = 16;
  private static final int DIGESTS_PER_LIST = 8;
  private static final int DIGEST_SLOT = 64;
  private static final int MAX_LISTS = 4 * PcrSelection.PCR_COUNT / DIGESTS_PER_LIST + 4;

  public PcrBlob {
    values = List.copyOf(values);
    int at = 0;
    if (values.size() != selection.count()) {
      throw new IllegalArgumentException("%d values for %s".formatted(values.size(), selection));
    }
    for (Map.Entry<TpmHash, SortedSet<Integer>> bank : selection.pcrs().entrySet()) {
      for (int i = 0; i < bank.getValue().size(); i++) {
        if (values.get(at++).size() != bank.getKey().digestLength()) {
          throw new IllegalArgumentException("a value that is no digest of " + bank.getKey());
        }
      }
    }
  }

  /** From values as read from a TPM; every selected PCR must be there. */
  public static PcrBlob of(
      PcrSelection selection, Map<TpmHash, ? extends SortedMap<Integer, Bytes>> read) {
    List<Bytes> values = new ArrayList<>();
    selection
        .pcrs()
        .forEach(
            (bank, indices) ->
                indices.forEach(
                    index -> {
                      Bytes value = read.containsKey(bank) ? read.get(bank).get(index) : null;
                      if (value == null) {
                        throw new IllegalArgumentException(
                            "no value for %s:%d".formatted(bank.bankName(), index));
                      }
                      values.add(value);
                    }));
    return new PcrBlob(selection, values);
  }

  /** The whole input must be used; unused slots and padding must be zero. */
  public static PcrBlob parse(Bytes encoded) throws MalformedStructureException {
    WireReader in = new WireReader("PCR blob", encoded);
    PcrSelection selection = readSelection(in);
    List<Bytes> values = readValues(in, selection);
    in.end();
    return new PcrBlob(selection, values);
  }

  private static PcrSelection readSelection(WireReader in) throws MalformedStructureException {
    long count = in.uint32le();
    if (count < 1 || count > SELECTION_SLOTS) {
      throw in.malformed(count + " PCR selections");
    }
    Map<TpmHash, SortedSet<Integer>> banks = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      int bank = in.uint16le();
      int size = in.uint8();
      if (size != 3) {
        throw in.malformed("size of select is %d, not 3".formatted(size));
      }
      PcrSelection.put(in, banks, bank, in.uint8() | in.uint8() << 8 | in.uint8() << 16);
      in.zeros(2);
    }
    in.zeros(8 * (SELECTION_SLOTS - (int) count));
    return new PcrSelection(banks);
  }

  private static List<Bytes> readValues(WireReader in, PcrSelection selection)
      throws MalformedStructureException {
    List<Integer> lengths = new ArrayList<>();
    selection.pcrs().forEach((bank, pcrs) -> pcrs.forEach(pcr -> lengths.add(bank.digestLength())));
    List<Bytes> values = new ArrayList<>(lengths.size());
    long lists = in.uint32le();
    if (lists > MAX_LISTS) {
      throw in.malformed(lists + " lists of digests");
    }
    for (int list = 0; list < lists; list++) {
      long count = in.uint32le();
      if (count > DIGESTS_PER_LIST || values.size() + count > lengths.size()) {
        throw in.malformed("more digests than PCRs selected");
      }
      for (int i = 0; i < count; i++) {
        int size = in.uint16le();
        int expected = lengths.get(values.size());
        if (size != expected) {
          throw in.malformed("digest of %d bytes, not %d".formatted(size, expected));
        }
        values.add(in.exactly(size));
        in.zeros(DIGEST_SLOT - size);
      }
      in.zeros((2 + DIGEST_SLOT) * (DIGESTS_PER_LIST - (int) count));
    }
    if (values.size() != lengths.size()) {
      throw in.malformed("%d digests for %d PCRs".formatted(values.size(), lengths.size()));
    }
    return values;
  }

  /** The file format. */
  public Bytes encoded() {
    WireWriter out = new WireWriter().uint32le(selection.pcrs().size());
    selection
        .pcrs()
        .keySet()
        .forEach(
            bank -> {
              int mask = selection.mask(bank);
              out.uint16le(bank.id()).uint8(3);
              out.uint8(mask).uint8(mask >>> 8).uint8(mask >>> 16).zeros(2);
            });
    out.zeros(8 * (SELECTION_SLOTS - selection.pcrs().size()));
    int lists = (values.size() + DIGESTS_PER_LIST - 1) / DIGESTS_PER_LIST;
    out.uint32le(lists);
    for (int list = 0; list < lists; list++) {
      int from = list * DIGESTS_PER_LIST;
      int to = Math.min(values.size(), from + DIGESTS_PER_LIST);
      out.uint32le(to - from);
      for (Bytes value : values.subList(from, to)) {
        out.uint16le(value.size()).bytes(value).zeros(DIGEST_SLOT - value.size());
      }
      out.zeros((2 + DIGEST_SLOT) * (DIGESTS_PER_LIST - (to - from)));
    }
    return out.toBytes();
  }

  /** What TPM2_Quote puts in pcrDigest for these values: the hash of all, one after another. */
  public Bytes digest(TpmHash hash) {
    MessageDigest digest = hash.newDigest();
    values.forEach(value -> value.writeTo(digest));
    return Bytes.copyOf(digest.digest());
  }

  /** The values by bank and index of the selection. */
  public Map<TpmHash, SortedMap<Integer, Bytes>> byIndex() {
    Map<TpmHash, SortedMap<Integer, Bytes>> all = new LinkedHashMap<>();
    int at = 0;
    for (Map.Entry<TpmHash, SortedSet<Integer>> bank : selection.pcrs().entrySet()) {
      SortedMap<Integer, Bytes> ofBank = new TreeMap<>();
      for (int index : bank.getValue()) {
        ofBank.put(index, values.get(at++));
      }
      all.put(bank.getKey(), ofBank);
    }
    return all;
  }
}
