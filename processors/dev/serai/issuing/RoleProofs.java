package dev.serai.issuing;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.serai.appraisal.AppraisalRequest;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.issuing.AttestedNode.Certificate;
import dev.serai.net.RoleProofMessage;
import dev.serai.proto.serai.v1.RoleProof;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.signing.SignatureAlgorithm;
import dev.serai.signing.Signatures;
import dev.serai.spiffe.InvalidSpiffeIdException;
import dev.serai.spiffe.SpiffeId;
import dev.serai.tpm.Bytes;
import io.micrometer.core.instrument.MeterRegistry;
import java.security.PublicKey;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;

/**
 * How a role process whose certificate has ended, by whosever clock, comes back without a hand: it
 * signs our nonce with the key of that certificate. It gets what renewal would have given it in
 * time, and only while the node is on record, may act for a role and is not banned.
 */
final class RoleProofs {
  private static final String ROLES = "/serai/";

  private final Challenges challenges;
  private final NodeStore nodes;
  private final EntryIndex entries;
  private final SvidMinter minter;
  private final Signatures signatures;
  private final Lives lives;
  private final InstantSource clock;
  private final MeterRegistry meters;

  /**
   * How long things last.
   *
   * @param agent of a certificate
   * @param grace after it
   */
  record Lives(Duration agent, Duration grace) {}

  /** The proof holds: a signed identity that nobody has seen yet, and whose key was proven. */
  record Proven(SpiffeId id, String key, SvidMinter.Svid svid, Certificate next) {}

  RoleProofs(
      Challenges challenges,
      NodeStore nodes,
      EntryIndex entries,
      SvidMinter minter,
      Signatures signatures,
      Lives lives,
      InstantSource clock,
      MeterRegistry meters) {
    this.challenges = challenges;
    this.nodes = nodes;
    this.entries = entries;
    this.minter = minter;
    this.signatures = signatures;
    this.lives = lives;
    this.clock = clock;
    this.meters = meters;
  }

  /**
   * Uses the nonce up, judges the proof and signs. Whether there is such an agent at all learns
   * only who holds its key.
   *
   * @throws RefusalException NONCE_*, ROLE_*, NODE_BANNED or MALFORMED_REQUEST
   */
  Proven check(AttestationConversation open, Bytes answer) {
    RoleProof proof = parse(answer);
    Bytes nonce = Bytes.copyOf(proof.getNonce().toByteArray());
    challenges
        .consume(
            nonce.size() == AppraisalRequest.NONCE_LENGTH ? nonce : Bytes.EMPTY, open.streamId())
        .refusal()
        .ifPresent(
            code -> {
              throw new RefusalException(code, "the proof of a role process names no good nonce");
            });
    AttestedNode node = judge(open, proof);
    Bytes next = open.request().publicKeyInfo();
    SvidMinter.Svid svid = minter.mint(node.id(), List.of(), next, lives.agent());
    return new Proven(
        node.id(),
        Certificate.keyOf(Bytes.copyOf(proof.getPublicKey().toByteArray())),
        svid,
        Certificate.of(svid, next));
  }

  /** Whose proof it is. That its nonce is good was looked at before. */
  AttestedNode judge(AttestationConversation open, RoleProof proof) {
    SpiffeId id = id(open.claimedNodeId());
    Bytes publicKey = Bytes.copyOf(proof.getPublicKey().toByteArray());
    AttestedNode node = nodes.find(id).orElseThrow(RoleProofs::unknown);
    requireKey(node, Certificate.keyOf(publicKey));
    requireSignature(
        publicKey,
        RoleProofMessage.of(id, Bytes.copyOf(proof.getNonce().toByteArray()), open.csr()),
        Bytes.copyOf(proof.getSignature().toByteArray()));
    requireAllowed(node);
    return node;
  }

  static RoleProof parse(Bytes answer) {
    try {
      return RoleProof.parseFrom(answer.toArray());
    } catch (InvalidProtocolBufferException e) {
      throw new RefusalException(
          ReasonCode.MALFORMED_REQUEST, "malformed param: the answer is no proof of a role");
    }
  }

  private static SpiffeId id(String claimed) {
    try {
      return SpiffeId.parse(claimed);
    } catch (InvalidSpiffeIdException e) {
      throw new RefusalException(
          ReasonCode.MALFORMED_REQUEST, "malformed param: the attestation data is no SPIFFE ID");
    }
  }

  /** Only agents of join tokens: a node with a TPM attests with that. */
  private static void requireKey(AttestedNode node, String key) {
    if (!node.attestationType().equals(AttestationOpening.JOIN_TOKEN) || !node.mayHold(key)) {
      throw unknown();
    }
  }

  private void requireSignature(Bytes publicKey, Bytes message, Bytes signature) {
    PublicKey key;
    try {
      key = CertificateRequest.key(publicKey.toArray());
    } catch (MalformedDerException e) { // cannot be: a certificate was made for it
      throw unknown();
    }
    if (!signatures
        .verifier(key)
        .verifies(SignatureAlgorithm.ECDSA_SHA256_DER, message, signature)) {
      throw new RefusalException(
          ReasonCode.ROLE_PROOF_INVALID, "the signature of the role process does not hold");
    }
  }

  private void requireAllowed(AttestedNode node) {
    if (nodes.isBanned(node)) {
      throw NodeGate.banned("failed to attest: agent is banned");
    }
    if (!isRoleProcess(node)) {
      throw new RefusalException(
          ReasonCode.ROLE_ENTRY_MISSING, "no entry " + ROLES + "<role> is for " + node.id());
    }
    Instant last = node.latest().notAfter();
    if (clock.instant().isAfter(last.plus(lives.grace()))) {
      throw new RefusalException(
          ReasonCode.ROLE_AWAY_TOO_LONG, "its last certificate was good until " + last);
    }
  }

  /** Whether an administrator made it the process of a role, by an entry. */
  boolean isRoleProcess(AttestedNode node) {
    return node.attestationType().equals(AttestationOpening.JOIN_TOKEN)
        && entries.authorized(node.id(), node.selectors(), clock.instant()).values().stream()
            .anyMatch(entry -> entry.spiffeId().path().startsWith(ROLES));
  }

  /**
   * Keeps the record; from here on the identity is good. What happened to the node since it was
   * judged counts: an evicted one is not made again.
   *
   * @throws RefusalException ROLE_KEY_UNKNOWN or NODE_BANNED
   */
  Attestation.Issued record(Proven proven) {
    AuditEvent event =
        proven
            .svid()
            .event(AuditKind.AGENT_SVID_ISSUED)
            .with("attestedBy", AttestationOpening.SERAI_ROLE);
    AttestedNode changed =
        nodes
            .change(
                proven.id(),
                node -> {
                  if (nodes.isBanned(node)) {
                    throw NodeGate.banned("failed to attest: agent is banned");
                  }
                  requireKey(node, proven.key());
                  return node.withProven(proven.key(), proven.next());
                },
                event)
            .orElseThrow(RoleProofs::unknown);
    IssuerMeters.issued(meters, "agent").increment();
    IssuerMeters.attested(meters).increment();
    return new Attestation.Issued(changed, proven.svid(), Optional.empty(), 0);
  }

  private static RefusalException unknown() {
    return new RefusalException(
        ReasonCode.ROLE_KEY_UNKNOWN, "no role process of this name with this key is on record");
  }
}
