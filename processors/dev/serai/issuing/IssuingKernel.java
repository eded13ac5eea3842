package dev.serai.issuing;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.serai.audit.Audit;
import dev.serai.audit.HeadFile;
import dev.serai.claims.Privacy;
import dev.serai.issuing.AttestedNode.Certificate;
import dev.serai.location.DeviceKey;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDRequest;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDResponse;
import dev.serai.proto.spire.svid.v1.NewX509SVIDParams;
import dev.serai.proto.spire.types.Entry;
import dev.serai.role.RateLimits;
import dev.serai.signing.Signatures;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.Database;
import dev.serai.tpm.Bytes;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.Set;

/**
 * The path from a signing request to its encoded answer without transport, as the benchmark
 * measures it: one node with 300 entries, its requests for one of them.
 */
public final class IssuingKernel {
  private static final int ENTRIES = 300;

  private final SvidIssuance issuance;
  private final AttestedNode node;
  private final byte[] request;

  private IssuingKernel(SvidIssuance issuance, AttestedNode node, byte[] request) {
    this.issuance = issuance;
    this.node = node;
    this.request = request;
  }

  /**
   * With an authority and entries of its own.
   *
   * @param directory for the authority's key
   * @param csr PKCS#10, signed by its key
   */
  public static IssuingKernel open(
      Database database, Path directory, Signatures signatures, Bytes csr) {
    TrustDomain domain = TrustDomain.parse("bench.example");
    InstantSource clock = Clock.systemUTC();
    Audit audit =
        Audit.open(
            database,
            domain.name(),
            new HeadFile(directory.resolve(HeadFile.NAME)),
            clock,
            new SimpleMeterRegistry());
    Authority authority =
        Authority.open(
            domain,
            database,
            audit,
            new KeyFiles(directory.resolve("keys")),
            signatures,
            new RotationSchedule(Duration.ofHours(24), Duration.ofHours(24)),
            clock);
    EntryStore entries = new EntryStore(domain, database, audit, new ChangeFeed(clock), clock);
    SpiffeId agent = domain.withPath("/spire/agent/join_token/bench");
    String entryId = "";
    for (int i = 0; i < ENTRIES; i++) {
      Entry.Builder entry =
          Entry.newBuilder()
              .setSpiffeId(RegisteredEntry.message(domain.withPath("/workload/" + i)))
              .setParentId(RegisteredEntry.message(agent));
      entry.addSelectorsBuilder().setType("unix").setValue("uid:" + i);
      entryId = entries.create(entry.build()).entry().id();
    }
    BatchNewX509SVIDRequest request =
        BatchNewX509SVIDRequest.newBuilder()
            .addParams(
                NewX509SVIDParams.newBuilder()
                    .setEntryId(entryId)
                    .setCsr(ByteString.copyFrom(csr.toArray())))
            .build();
    AttestedNode node =
        new AttestedNode(
            agent,
            AttestationOpening.JOIN_TOKEN,
            Optional.empty(),
            new Certificate(BigInteger.ONE, Instant.MAX),
            Optional.empty(),
            Set.of(),
            false,
            false,
            "",
            Instant.EPOCH);
    SvidIssuance issuance =
        new SvidIssuance(
            entries.index(),
            new SvidMinter(authority, clock),
            new ClaimsComposer(
                Privacy.STRICT,
                DeviceKey.in(directory.resolve("device.key")),
                EntryLocationRules.NONE),
            audit,
            signatures,
            new RateLimits("signatures", Integer.MAX_VALUE, Integer.MAX_VALUE, clock),
            Duration.ofHours(1),
            clock,
            new SimpleMeterRegistry());
    return new IssuingKernel(issuance, node, request.toByteArray());
  }

  /** The same as a node's call, which waits until the record is on disk. */
  public boolean issueRecorded() {
    BatchNewX509SVIDRequest read;
    try {
      read = BatchNewX509SVIDRequest.parseFrom(request);
    } catch (InvalidProtocolBufferException e) {
      return false;
    }
    return issuance.batch(new Caller.Agent(node, null, "bench"), read).toByteArray().length > 0;
  }

  /** Reads the request, checks the CSR, authorizes, signs, encodes. True when it was signed. */
  public boolean issue() {
    BatchNewX509SVIDRequest read;
    try {
      read = BatchNewX509SVIDRequest.parseFrom(request);
    } catch (InvalidProtocolBufferException e) {
      return false;
    }
    BatchNewX509SVIDResponse.Result result = issuance.one(node, read.getParams(0), event -> {});
    byte[] answer = BatchNewX509SVIDResponse.newBuilder().addResults(result).build().toByteArray();
    return result.getStatus().getCode() == 0 && answer.length > 0;
  }
}
