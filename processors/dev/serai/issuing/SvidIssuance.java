package dev.serai.issuing;

import com.google.protobuf.ByteString;
import com.google.rpc.Code;
import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDRequest;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDResponse;
import dev.serai.proto.spire.svid.v1.NewX509SVIDParams;
import dev.serai.proto.spire.types.Status;
import dev.serai.proto.spire.types.X509SVID;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RateLimits;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** X509-SVIDs for the workloads of a node: for entries it is authorized for, and nothing else. */
public final class SvidIssuance {
  private final EntryIndex index;
  private final SvidMinter minter;
  private final ClaimsComposer claims;
  private final Audit audit;
  private final Signatures signatures;
  private final RateLimits limits;
  private final Duration defaultLife;
  private final InstantSource clock;
  private final Counter issued;

  SvidIssuance(
      EntryIndex index,
      SvidMinter minter,
      ClaimsComposer claims,
      Audit audit,
      Signatures signatures,
      RateLimits limits,
      Duration defaultLife,
      InstantSource clock,
      MeterRegistry meters) {
    this.index = index;
    this.minter = minter;
    this.claims = claims;
    this.audit = audit;
    this.signatures = signatures;
    this.limits = limits;
    this.defaultLife = defaultLife;
    this.clock = clock;
    this.issued = IssuerMeters.issued(meters, "x509");
  }

  /** What is signed leaves here only when its records are on disk. */
  BatchNewX509SVIDResponse batch(Caller.Agent caller, BatchNewX509SVIDRequest request) {
    if (request.getParamsCount() == 0) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, "missing parameters");
    }
    limits.take(caller.origin(), request.getParamsCount());
    BatchNewX509SVIDResponse.Builder response = BatchNewX509SVIDResponse.newBuilder();
    List<AuditEvent> events = new ArrayList<>();
    for (NewX509SVIDParams params : request.getParamsList()) {
      response.addResults(one(caller.node(), params, events::add));
    }
    audit.append(events);
    issued.increment(events.size());
    return response.build();
  }

  /** One item: every refusal is its status. What was signed is told first. */
  BatchNewX509SVIDResponse.Result one(
      AttestedNode node, NewX509SVIDParams params, Consumer<AuditEvent> signed) {
    if (params.getEntryId().isEmpty()) {
      return refused(Code.INVALID_ARGUMENT, "missing entry ID");
    }
    if (params.getCsr().isEmpty()) {
      return refused(Code.INVALID_ARGUMENT, "missing CSR");
    }
    Instant now = clock.instant();
    Optional<RegisteredEntry> entry =
        index
            .find(params.getEntryId())
            .filter(e -> index.isAuthorized(e, node.id(), node.selectors(), now));
    if (entry.isEmpty()) {
      return refused(Code.NOT_FOUND, "entry not found or not authorized");
    }
    CertificateRequest request;
    try {
      request = CertificateRequest.parse(Bytes.copyOf(params.getCsr().toByteArray()));
    } catch (MalformedDerException e) {
      return refused(Code.INVALID_ARGUMENT, "malformed CSR: " + e.getMessage());
    }
    if (!request.isSignedByItsKey(signatures)) {
      return refused(Code.INVALID_ARGUMENT, "invalid CSR signature");
    }
    ClaimsComposer.Composed composed =
        claims.ofWorkload(entry.get().spiffeId(), node.claims(), request.publicKeyInfo(), now);
    if (composed instanceof ClaimsComposer.Lacking lacking) {
      return refused(Code.PERMISSION_DENIED, lacking.reason().toString());
    }
    ClaimsComposer.Allowed allowed = (ClaimsComposer.Allowed) composed;
    int ttl = entry.get().message().getX509SvidTtl();
    SvidMinter.Svid svid =
        minter.mint(
            entry.get().spiffeId(),
            entry.get().message().getDnsNamesList(),
            request.publicKeyInfo(),
            ttl > 0 ? Duration.ofSeconds(ttl) : defaultLife,
            allowed.claims());
    signed.accept(
        svid.event(AuditKind.SVID_ISSUED)
            .with("entry", entry.get().id())
            .with("node", node.id().toString()));
    BatchNewX509SVIDResponse.Result.Builder result =
        BatchNewX509SVIDResponse.Result.newBuilder()
            .setStatus(EntryAdministration.status(Code.OK, "OK"))
            .setSvid(message(svid).toBuilder().setHint(entry.get().message().getHint()));
    allowed.message().ifPresent(result::addAttestedClaims);
    return result.build();
  }

  static X509SVID message(SvidMinter.Svid svid) {
    return X509SVID
        .newBuilder()
        .addCertChain(ByteString.copyFrom(svid.certificate().toArray()))
        .setId(RegisteredEntry.message(svid.id()))
        .setExpiresAt(svid.notAfter().getEpochSecond())
        .build();
  }

  private static BatchNewX509SVIDResponse.Result refused(Code code, String message) {
    Status status = EntryAdministration.status(code, message);
    return BatchNewX509SVIDResponse.Result.newBuilder().setStatus(status).build();
  }
}
