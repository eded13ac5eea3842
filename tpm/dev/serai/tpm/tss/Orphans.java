package dev.serai.tpm.tss;

import dev.serai.tpm.Bytes;
import java.util.HashSet;
import java.util.Set;

/**
 * What a context that died has left in a TPM without resource manager; the next one takes it out.
 *
 * @param publicAreas TPM2B_PUBLIC of the objects
 * @param sessions there were sessions too
 * @param unknown the answer that was lost may have made one more
 */
record Orphans(Set<Bytes> publicAreas, boolean sessions, boolean unknown) {
  static final Orphans NONE = new Orphans(Set.of(), false, false);

  Orphans {
    publicAreas = Set.copyOf(publicAreas);
  }

  boolean isEmpty() {
    return publicAreas.isEmpty() && !sessions && !unknown;
  }

  Orphans plus(Orphans others) {
    Set<Bytes> all = new HashSet<>(publicAreas);
    all.addAll(others.publicAreas);
    return new Orphans(all, sessions || others.sessions, unknown || others.unknown);
  }
}
