package dev.serai.agent;

import com.google.protobuf.ByteString;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDRequest;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDResponse;
import dev.serai.proto.spire.svid.v1.NewX509SVIDParams;
import dev.serai.proto.spire.svid.v1.SVIDGrpc;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.workload.WorkloadKey;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Route step: body SyncRound in and out, with the SVIDs the issuer gave. */
final class RequestSvidsProcessor implements Processor {
  private static final Logger LOG = LoggerFactory.getLogger(RequestSvidsProcessor.class);

  private final Issuer issuer;
  private final AgentSettings settings;
  private final InstantSource clock;
  private final DoubleSupplier dice;

  RequestSvidsProcessor(
      Issuer issuer, AgentSettings settings, InstantSource clock, DoubleSupplier dice) {
    this.issuer = issuer;
    this.settings = settings;
    this.clock = clock;
    this.dice = dice;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    SyncRound round = exchange.getMessage().getMandatoryBody(SyncRound.class);
    if (round.requests().isEmpty()) {
      return;
    }
    BatchNewX509SVIDRequest.Builder batch = BatchNewX509SVIDRequest.newBuilder();
    for (WorkloadRequest request : round.requests()) {
      batch.addParams(
          NewX509SVIDParams.newBuilder()
              .setEntryId(request.entry().getId())
              .setCsr(ByteString.copyFrom(request.csr().toArray())));
    }
    BatchNewX509SVIDResponse answer =
        issuer.callAsNode(
            channel ->
                SVIDGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(settings.callTimeout().toMillis(), TimeUnit.MILLISECONDS)
                    .batchNewX509SVID(batch.build()));
    if (answer.getResultsCount() != round.requests().size()) {
      throw new RefusalException(
          ReasonCode.INTERNAL_ERROR,
          "the issuer answered %d of %d requests"
              .formatted(answer.getResultsCount(), round.requests().size()));
    }
    exchange.getMessage().setBody(round.withReceived(received(round, answer)));
  }

  private List<HeldSvid> received(SyncRound round, BatchNewX509SVIDResponse answer) {
    List<HeldSvid> received = new ArrayList<>();
    for (int i = 0; i < round.requests().size(); i++) {
      WorkloadRequest request = round.requests().get(i);
      BatchNewX509SVIDResponse.Result result = answer.getResults(i);
      if (result.getStatus().getCode() != 0) {
        LOG.info(
            "no SVID for entry {}: {} {}",
            request.entry().getId(),
            result.getStatus().getCode(),
            result.getStatus().getMessage());
        continue;
      }
      held(request, KeepAgentSvidProcessor.chain(result.getSvid().getCertChainList()))
          .ifPresentOrElse(
              received::add,
              () -> LOG.warn("the SVID for entry {} is not for its key", request.entry().getId()));
    }
    return received;
  }

  private Optional<HeldSvid> held(WorkloadRequest request, List<X509Certificate> chain) {
    if (chain.isEmpty() || !isFor(chain.get(0), request)) {
      return Optional.empty();
    }
    X509Certificate leaf = chain.get(0);
    SvidFacts facts =
        new SvidFacts(
            request.entry().getSpiffeId().getPath(),
            leaf.getNotBefore().toInstant(),
            leaf.getNotAfter().toInstant());
    Instant now = clock.instant();
    return Optional.of(
        new HeldSvid(
            request.entry().getId(),
            request.entry().getRevisionNumber(),
            request.entry().getCreatedAt(),
            chain,
            WorkloadKey.of(request.key()),
            now,
            facts.renewAt(now, dice.getAsDouble())));
  }

  /** The certificate's key is the one that was made for it. */
  private static boolean isFor(X509Certificate leaf, WorkloadRequest request) {
    try {
      byte[] requested =
          new PKCS10CertificationRequest(request.csr().toArray())
              .getSubjectPublicKeyInfo()
              .getEncoded();
      return Arrays.equals(requested, leaf.getPublicKey().getEncoded());
    } catch (IOException e) {
      throw new IllegalStateException("a request of ours cannot be read", e);
    }
  }
}
