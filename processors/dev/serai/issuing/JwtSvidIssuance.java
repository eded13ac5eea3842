package dev.serai.issuing;

import dev.serai.audit.Audit;
import dev.serai.proto.spire.svid.v1.NewJWTSVIDRequest;
import dev.serai.proto.spire.svid.v1.NewJWTSVIDResponse;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.JWTSVID;
import dev.serai.proto.spire.types.PermissionDeniedDetails;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RateLimits;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * JWT-SVIDs for the workloads of a node: for entries it is authorized for, and nothing else. A
 * token is good in anybody's hand, so it ends with everything that it was issued on: the node's own
 * certificate, its location, its entry.
 */
final class JwtSvidIssuance {
  static final int MAX_AUDIENCES = 32;

  /** Of all audiences together, in UTF-8. */
  static final int MAX_AUDIENCE_BYTES = 8 * 1024;

  private final EntryIndex index;
  private final JwtSvidMinter minter;
  private final ClaimsComposer claims;
  private final Audit audit;
  private final RateLimits limits;
  private final Duration defaultLife;
  private final InstantSource clock;
  private final Counter issued;

  JwtSvidIssuance(
      EntryIndex index,
      JwtSvidMinter minter,
      ClaimsComposer claims,
      Audit audit,
      RateLimits limits,
      Duration defaultLife,
      InstantSource clock,
      MeterRegistry meters) {
    this.index = index;
    this.minter = minter;
    this.claims = claims;
    this.audit = audit;
    this.limits = limits;
    this.defaultLife = defaultLife;
    this.clock = clock;
    this.issued = IssuerMeters.issued(meters, "jwt");
  }

  /**
   * What is signed leaves here only when its record is on disk.
   *
   * @throws RefusalException also with what makes an agent attest again
   */
  NewJWTSVIDResponse issue(Caller.Agent caller, NewJWTSVIDRequest request) {
    List<String> audience = audience(request);
    limits.take(caller.origin(), 1);
    RegisteredEntry entry = entry(caller.node(), request.getEntryId());
    JwtSvidMinter.Minted svid = sign(caller.node(), entry, audience);
    audit.append(
        svid.event().with("entry", entry.id()).with("node", caller.node().id().toString()));
    issued.increment();
    return NewJWTSVIDResponse.newBuilder()
        .setSvid(
            JWTSVID
                .newBuilder()
                .setToken(svid.token())
                .setId(RegisteredEntry.message(svid.id()))
                .setIssuedAt(svid.issuedAt().getEpochSecond())
                .setExpiresAt(svid.expiresAt().getEpochSecond())
                .setHint(entry.message().getHint()))
        .build();
  }

  RegisteredEntry entry(AttestedNode node, String id) {
    return index
        .find(id)
        .filter(entry -> index.isAuthorized(entry, node.id(), node.selectors(), clock.instant()))
        .orElseThrow(
            () ->
                new RefusalException(
                    ReasonCode.ENTRY_UNKNOWN, "entry not found or not authorized"));
  }

  /** Without its record. */
  JwtSvidMinter.Minted sign(AttestedNode node, RegisteredEntry entry, List<String> audience) {
    Instant now = clock.instant();
    ClaimsComposer.Composed composed = claims.ofToken(entry.spiffeId(), node.claims(), now);
    if (composed instanceof ClaimsComposer.Lacking lacking) {
      throw new RefusalException(lacking.reason().code(), lacking.reason().detail());
    }
    ClaimsComposer.Allowed allowed = (ClaimsComposer.Allowed) composed;
    JwtSvidMinter.Minted svid =
        minter.mint(
            entry.spiffeId(),
            audience,
            end(entry.message(), node, allowed.claims(), now),
            entry.message().getAdditionalAttributes().getJwtSvidIncludeJti()
                ? Optional.of(UUID.randomUUID().toString())
                : Optional.empty());
    if (!svid.expiresAt().isAfter(now)) {
      throw NodeGate.refusal(
          ReasonCode.NODE_EXPIRED,
          PermissionDeniedDetails.Reason.AGENT_EXPIRED,
          "what the token would be issued on ends within this second");
    }
    return svid;
  }

  /** The first end of all that has one. */
  private Instant end(Entry entry, AttestedNode node, LeafClaims carried, Instant now) {
    Duration life =
        entry.getJwtSvidTtl() > 0 ? Duration.ofSeconds(entry.getJwtSvidTtl()) : defaultLife;
    Instant end = earlier(now.plus(life), node.current().notAfter());
    if (entry.getExpiresAt() > 0) {
      end = earlier(end, Instant.ofEpochSecond(entry.getExpiresAt()));
    }
    return carried.until().isPresent() ? earlier(end, carried.until().get()) : end;
  }

  private static Instant earlier(Instant one, Instant other) {
    return one.isBefore(other) ? one : other;
  }

  /**
   * Each once, in the order of the request.
   *
   * @throws RefusalException MALFORMED_REQUEST
   */
  static List<String> audience(NewJWTSVIDRequest request) {
    if (request.getEntryId().isEmpty()) {
      throw malformed("missing entry ID");
    }
    if (request.getAudienceCount() == 0) {
      throw malformed("at least one audience is required");
    }
    if (request.getAudienceCount() > MAX_AUDIENCES) {
      throw malformed("more than %d audiences".formatted(MAX_AUDIENCES));
    }
    int bytes = 0;
    for (String audience : request.getAudienceList()) {
      if (audience.isBlank()) {
        throw malformed("an audience is empty");
      }
      bytes += audience.getBytes(StandardCharsets.UTF_8).length;
    }
    if (bytes > MAX_AUDIENCE_BYTES) {
      throw malformed("audiences of more than %d bytes".formatted(MAX_AUDIENCE_BYTES));
    }
    return request.getAudienceList().stream().distinct().toList();
  }

  private static RefusalException malformed(String detail) {
    return new RefusalException(ReasonCode.MALFORMED_REQUEST, detail);
  }
}
