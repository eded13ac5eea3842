package dev.serai.appraisal;

import dev.serai.location.AttestedLocation;
import dev.serai.reason.Reason;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.TpmClock;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.TpmName;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;

/**
 * Everything that was verified of a node. Not a record: only this package makes one, at the end of
 * an appraisal or from what another Serai role answered over mTLS.
 */
public final class Trusted implements Verdict {

  /**
   * The key that the identity will be for.
   *
   * @param tpmPublic TPMT_PUBLIC, whose Name the AK certified
   * @param subjectPublicKeyInfo the same key in DER, as in the CSR
   */
  public record AppKey(Bytes tpmPublic, Bytes subjectPublicKeyInfo) {}

  /**
   * What the quote proved.
   *
   * @param pcrs values by bank and index; labels come from the signed selection
   */
  public record QuotedState(
      TpmClock clock, long firmwareVersion, Map<TpmHash, SortedMap<Integer, Bytes>> pcrs) {
    public QuotedState {
      pcrs = PcrValues.copyOf(pcrs);
    }
  }

  private final String nodeId;
  private final TpmName ekName;
  private final TpmName akName;
  private final Optional<AppKey> appKey;
  private final Optional<AttestedLocation> location;
  private final QuotedState state;
  private final String policy;
  private final Baseline baseline;

  Trusted(
      String nodeId,
      TpmName ekName,
      TpmName akName,
      Optional<AppKey> appKey,
      Optional<AttestedLocation> location,
      QuotedState state,
      String policy,
      Baseline baseline) {
    this.nodeId = nodeId;
    this.ekName = ekName;
    this.akName = akName;
    this.appKey = appKey;
    this.location = location;
    this.state = state;
    this.policy = policy;
    this.baseline = baseline;
  }

  @Override
  public String nodeId() {
    return nodeId;
  }

  public TpmName ekName() {
    return ekName;
  }

  public TpmName akName() {
    return akName;
  }

  /** Empty in continuous appraisal, which looks at the state only. */
  public Optional<AppKey> appKey() {
    return appKey;
  }

  /** Where it is, as far as the policy asks; empty in continuous appraisal. */
  public Optional<AttestedLocation> location() {
    return location;
  }

  public QuotedState state() {
    return state;
  }

  /** The name of the policy that was met. */
  public String policy() {
    return policy;
  }

  /**
   * What the next appraisal of this node compares with; to be stored before the verdict is used.
   */
  public Baseline baseline() {
    return baseline;
  }

  @Override
  public List<Reason> reasons() {
    return List.of();
  }

  @Override
  public String toString() {
    return "Trusted[node %s, EK %s, policy %s]".formatted(nodeId, ekName.toHex(), policy);
  }
}
