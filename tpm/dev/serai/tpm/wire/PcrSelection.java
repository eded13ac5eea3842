package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Which PCRs of which banks: TPML_PCR_SELECTION with size-of-select 3. The order of the banks is
 * the order of the map; digests are computed in it. Part 2, "TPML_PCR_SELECTION".
 */
public record PcrSelection(Map<TpmHash, SortedSet<Integer>> pcrs) {
  /** PCRs 0 to 23, as on PC clients. */
  public static final int PCR_COUNT = 24;

  private static final int SIZE_OF_SELECT = PCR_COUNT / 8;
  private static final int MAX_BANKS = 16;

  public PcrSelection {
    Map<TpmHash, SortedSet<Integer>> copy = new LinkedHashMap<>();
    pcrs.forEach(
        (bank, indices) -> {
          SortedSet<Integer> sorted = Collections.unmodifiableSortedSet(new TreeSet<>(indices));
          if (!sorted.isEmpty() && (sorted.first() < 0 || sorted.last() >= PCR_COUNT)) {
            throw new IllegalArgumentException("PCRs are 0 to 23, not " + sorted);
          }
          copy.put(bank, sorted);
        });
    if (copy.isEmpty()) {
      throw new IllegalArgumentException("no bank selected");
    }
    pcrs = Collections.unmodifiableMap(copy);
  }

  /** PCRs of one bank. */
  public static PcrSelection of(TpmHash bank, Integer... indices) {
    return new PcrSelection(Map.of(bank, new TreeSet<>(List.of(indices))));
  }

  /** PCRs of one bank from a mask, bit n for PCR n. */
  public static PcrSelection ofMask(TpmHash bank, int mask) {
    return new PcrSelection(Map.of(bank, indices(mask)));
  }

  /**
   * From a mask as Keylime writes it, hex with 0x or decimal.
   *
   * @throws IllegalArgumentException if it is no mask of PCRs 0 to 23
   */
  public static PcrSelection ofKeylimeMask(TpmHash bank, String mask) {
    int bits;
    try {
      bits = Integer.decode(mask);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("not a PCR mask: " + mask, e);
    }
    return ofMask(bank, bits);
  }

  private static SortedSet<Integer> indices(int mask) {
    if (mask < 0 || mask >= 1 << PCR_COUNT) {
      throw new IllegalArgumentException("PCRs are 0 to 23, mask 0x%x".formatted(mask));
    }
    SortedSet<Integer> indices = new TreeSet<>();
    for (int rest = mask; rest != 0; rest &= rest - 1) {
      indices.add(Integer.numberOfTrailingZeros(rest));
    }
    return indices;
  }

  /** From TPML_PCR_SELECTION; the whole input must be used. */
  public static PcrSelection parse(Bytes encoded) throws MalformedStructureException {
    WireReader in = new WireReader("TPML_PCR_SELECTION", encoded);
    PcrSelection selection = read(in);
    in.end();
    return selection;
  }

  static PcrSelection read(WireReader in) throws MalformedStructureException {
    long count = in.uint32();
    if (count < 1 || count > MAX_BANKS) {
      throw in.malformed(count + " PCR selections");
    }
    Map<TpmHash, SortedSet<Integer>> banks = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      int bank = in.uint16();
      int size = in.uint8();
      if (size != SIZE_OF_SELECT) {
        throw in.malformed("size of select is %d, not 3".formatted(size));
      }
      put(in, banks, bank, in.uint8() | in.uint8() << 8 | in.uint8() << 16);
    }
    return new PcrSelection(banks);
  }

  static void put(WireReader in, Map<TpmHash, SortedSet<Integer>> banks, int id, int mask)
      throws MalformedStructureException {
    Optional<TpmHash> bank = TpmHash.byId(id);
    if (bank.isEmpty()) {
      throw in.malformed("unknown bank 0x%04x".formatted(id));
    }
    if (banks.put(bank.get(), indices(mask)) != null) {
      throw in.malformed("bank %s twice".formatted(bank.get()));
    }
  }

  /** TPML_PCR_SELECTION. */
  public Bytes encoded() {
    WireWriter out = new WireWriter().uint32(pcrs.size());
    pcrs.keySet()
        .forEach(
            bank -> {
              int mask = mask(bank);
              out.uint16(bank.id())
                  .uint8(SIZE_OF_SELECT)
                  .uint8(mask)
                  .uint8(mask >>> 8)
                  .uint8(mask >>> 16);
            });
    return out.toBytes();
  }

  /** Bit n for PCR n of this bank; 0 when the bank is not selected. */
  public int mask(TpmHash bank) {
    int mask = 0;
    for (int index : pcrs.getOrDefault(bank, Collections.emptySortedSet())) {
      mask |= 1 << index;
    }
    return mask;
  }

  /** The same banks with one more PCR each. */
  public PcrSelection and(int index) {
    Map<TpmHash, SortedSet<Integer>> more = new LinkedHashMap<>();
    pcrs.forEach(
        (bank, indices) -> {
          SortedSet<Integer> all = new TreeSet<>(indices);
          all.add(index);
          more.put(bank, all);
        });
    return new PcrSelection(more);
  }

  /** How many PCRs in all banks. */
  public int count() {
    return pcrs.values().stream().mapToInt(SortedSet::size).sum();
  }

  /** The same banks in the same order with the same PCRs. */
  @Override
  public boolean equals(Object other) {
    return other instanceof PcrSelection that
        && pcrs.equals(that.pcrs)
        && List.copyOf(pcrs.keySet()).equals(List.copyOf(that.pcrs.keySet()));
  }

  @Override
  public int hashCode() {
    return pcrs.hashCode();
  }

  /** For people, as tpm2-tools write it: sha256:0,1,2+sha1:10. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    pcrs.forEach(
        (bank, indices) -> {
          text.append(text.isEmpty() ? "" : "+").append(bank.bankName()).append(':');
          text.append(String.join(",", indices.stream().map(String::valueOf).toList()));
        });
    return text.toString();
  }
}
