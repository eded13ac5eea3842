package dev.serai.issuing;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.serai.appraisal.AppraisalRequest;
import dev.serai.appraisal.ChallengeStanding;
import dev.serai.appraisal.Rejected;
import dev.serai.appraisal.Trusted;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.claims.Claims;
import dev.serai.issuing.AttestedNode.Appraised;
import dev.serai.issuing.AttestedNode.Certificate;
import dev.serai.proto.serai.v1.AttestationChallenge;
import dev.serai.proto.spire.agent.v1.AttestAgentResponse;
import dev.serai.proto.spire.types.AttestedClaims;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.PcrSelection;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * How an agent comes to its identity: by a join token, or by the verdict on its evidence. The
 * identity is built from what was verified, never from what the request says.
 */
final class Attestation {
  private final TrustDomain trustDomain;
  private final Challenges challenges;
  private final JoinTokens tokens;
  private final NodeStore nodes;
  private final SvidMinter minter;
  private final PcrSelection pcrs;
  private final boolean locationDemanded;
  private final ClaimsComposer claims;
  private final Duration agentLife;
  private final InstantSource clock;
  private final MeterRegistry meters;

  Attestation(
      TrustDomain trustDomain,
      Challenges challenges,
      JoinTokens tokens,
      NodeStore nodes,
      SvidMinter minter,
      PcrSelection pcrs,
      boolean locationDemanded,
      ClaimsComposer claims,
      Duration agentLife,
      InstantSource clock,
      MeterRegistry meters) {
    this.trustDomain = trustDomain;
    this.challenges = challenges;
    this.tokens = tokens;
    this.nodes = nodes;
    this.minter = minter;
    this.pcrs = pcrs;
    this.locationDemanded = locationDemanded;
    this.claims = claims;
    this.agentLife = agentLife;
    this.clock = clock;
    this.meters = meters;
  }

  /** A signed identity that nobody has seen yet, and the record that has to be kept first. */
  record Issued(
      AttestedNode node,
      SvidMinter.Svid svid,
      Optional<AttestedClaims> claims,
      long rejectionsSeen) {}

  /** The challenge for a node, recorded. */
  AttestAgentResponse challenge(AttestationConversation open) {
    Challenges.Challenge challenge = challenges.issue(open.streamId(), open.claimedNodeId());
    AttestationChallenge.Builder message =
        AttestationChallenge.newBuilder()
            .setLocationDemanded(locationDemanded)
            .setNonce(ByteString.copyFrom(challenge.nonce().toArray()))
            .setExpiresAtMs(challenge.expiresAt().toEpochMilli());
    pcrs.pcrs()
        .forEach(
            (bank, indices) ->
                message.addBanksBuilder().setBank(bank.bankName()).addAllPcrs(indices));
    return AttestAgentResponse.newBuilder().setChallenge(message.build().toByteString()).build();
  }

  /** Uses up the nonce that the evidence names, then hands all of it on to be judged. */
  AppraisalRequest consumeNonce(AttestationConversation open, Bytes evidence) {
    open.rejectionsSeen().set(nodes.rejections(open.claimedNodeId()));
    open.evidence().set(evidence);
    Bytes nonce = nonceIn(evidence);
    ChallengeStanding standing = challenges.consume(nonce, open.streamId());
    return new AppraisalRequest(
        evidence,
        open.csr(),
        standing,
        standing == ChallengeStanding.FRESH ? nonce : Bytes.EMPTY,
        pcrs);
  }

  /** Evidence that cannot be read names no nonce; the verifier says what is wrong with it. */
  static Bytes nonceIn(Bytes evidence) {
    try {
      String hex = SovereignAttestation.parseFrom(evidence.toArray()).getChallengeNonce();
      return hex.length() == 2 * AppraisalRequest.NONCE_LENGTH ? Bytes.ofHex(hex) : Bytes.EMPTY;
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      return Bytes.EMPTY;
    }
  }

  /** Signs for a trusted node. @throws RefusalException when the verdict is for something else */
  Issued issueTrusted(AttestationConversation open, Trusted verdict) {
    if (!verdict.nodeId().equals(open.claimedNodeId())) {
      throw new RefusalException(
          ReasonCode.EVIDENCE_MALFORMED, "the evidence is of another node than was announced");
    }
    boolean sameKey =
        verdict
            .appKey()
            .filter(k -> k.subjectPublicKeyInfo().equals(open.request().publicKeyInfo()))
            .isPresent();
    if (!sameKey) {
      throw new RefusalException(
          ReasonCode.CSR_OTHER_KEY, "the CSR is for another key than the one that was certified");
    }
    Appraised appraised =
        new Appraised(verdict.nodeId(), verdict.ekName().toHex(), verdict.akName().toHex());
    Set<Selector> selectors =
        Set.of(
            new Selector(AttestationOpening.UNIFIED_IDENTITY, "node:" + appraised.nodeId()),
            new Selector(AttestationOpening.UNIFIED_IDENTITY, "ek:" + appraised.ekName()),
            new Selector(AttestationOpening.UNIFIED_IDENTITY, "policy:" + verdict.policy()));
    return issue(
        open,
        verdict.nodeId(),
        Optional.of(appraised),
        Optional.of(claims.ofNode(verdict, clock.instant())),
        selectors,
        true);
  }

  /** Uses the token up and signs. @throws RefusalException JOIN_TOKEN_UNKNOWN or _EXPIRED */
  Issued issueForToken(AttestationConversation open) {
    String token = open.claimedNodeId();
    tokens.redeem(token); // a lawful token is a lawful path segment
    return issue(open, token, Optional.empty(), Optional.empty(), Set.of(), false);
  }

  private Issued issue(
      AttestationConversation open,
      String name,
      Optional<Appraised> appraised,
      Optional<Claims> proven,
      Set<Selector> selectors,
      boolean canReattest) {
    SpiffeId id = trustDomain.withPath("/spire/agent/" + open.attestationType() + "/" + name);
    Optional<AttestedNode> before = nodes.find(id);
    boolean ekBanned = appraised.filter(a -> nodes.isEkBanned(a.ekName())).isPresent();
    if (ekBanned || before.filter(nodes::isBanned).isPresent()) {
      throw NodeGate.banned("failed to attest: agent is banned");
    }
    Instant now = clock.instant();
    LeafClaims carried =
        proven
            .map(node -> claims.ofAgent(id, node, sent(open.evidence().get()), now))
            .orElse(LeafClaims.NONE);
    SvidMinter.Svid svid =
        minter.mint(id, List.of(), open.request().publicKeyInfo(), agentLife, carried);
    Certificate certificate = Certificate.of(svid, open.request().publicKeyInfo());
    // The certificate before stays good until the new one is used: the answer may get lost.
    AttestedNode node =
        new AttestedNode(
            id,
            open.attestationType(),
            appraised,
            before.map(AttestedNode::current).orElse(certificate),
            before.map(b -> certificate),
            selectors,
            false,
            canReattest,
            before.map(AttestedNode::agentVersion).orElse(""),
            now,
            List.of(),
            proven);
    return new Issued(node, svid, proven.flatMap(claims::message), open.rejectionsSeen().get());
  }

  /** The verifier has read it before. */
  static Optional<SovereignAttestation> sent(Bytes evidence) {
    try {
      return Optional.of(SovereignAttestation.parseFrom(evidence.toArray()));
    } catch (InvalidProtocolBufferException e) {
      return Optional.empty();
    }
  }

  /** Keeps the record; from here on the identity is good. */
  void record(Issued issued) {
    AuditEvent event =
        issued
            .svid()
            .event(AuditKind.AGENT_SVID_ISSUED)
            .with("attestedBy", issued.node().attestationType());
    Optional<Appraised> appraised = issued.node().appraised();
    if (appraised.isPresent()) {
      nodes.recordAttested(
          issued.node(), event.with("ek", appraised.get().ekName()), issued.rejectionsSeen());
    } else {
      nodes.recordAttested(issued.node(), event);
    }
    IssuerMeters.issued(meters, "agent").increment();
    IssuerMeters.attested(meters).increment();
  }

  AttestAgentResponse answer(Issued issued) {
    AttestAgentResponse.Result.Builder result =
        AttestAgentResponse.Result.newBuilder()
            .setSvid(SvidIssuance.message(issued.svid()))
            .setReattestable(issued.node().canReattest());
    issued.claims().ifPresent(result::addAttestedClaims);
    return AttestAgentResponse.newBuilder().setResult(result).build();
  }

  /** The refusal that a rejection leads to. */
  RefusalException refusal(Rejected verdict) {
    return new RefusalException(verdict.first().code(), verdict.first().detail());
  }
}
