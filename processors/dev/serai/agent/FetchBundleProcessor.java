package dev.serai.agent;

import com.google.protobuf.ByteString;
import dev.serai.proto.spire.bundle.v1.BundleGrpc;
import dev.serai.proto.spire.bundle.v1.GetBundleRequest;
import dev.serai.proto.spire.types.Bundle;
import dev.serai.proto.spire.types.X509Certificate;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body SyncRound in and out, with the trust domain's authorities. */
final class FetchBundleProcessor implements Processor {
  private static final int MOST_AUTHORITIES = 256;

  private final Issuer issuer;
  private final TrustBundles bundles;
  private final AgentSettings settings;

  FetchBundleProcessor(Issuer issuer, TrustBundles bundles, AgentSettings settings) {
    this.issuer = issuer;
    this.bundles = bundles;
    this.settings = settings;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    SyncRound round = exchange.getMessage().getMandatoryBody(SyncRound.class);
    Bundle bundle =
        issuer.callAsNode(
            channel ->
                BundleGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(settings.callTimeout().toMillis(), TimeUnit.MILLISECONDS)
                    .getBundle(GetBundleRequest.getDefaultInstance()));
    if (!bundle.getTrustDomain().equals(settings.trustDomain())) {
      throw new RefusalException(
          ReasonCode.BUNDLE_UNKNOWN, "the issuer is of trust domain " + bundle.getTrustDomain());
    }
    List<ByteString> encoded =
        bundle.getX509AuthoritiesList().stream().map(X509Certificate::getAsn1).toList();
    if (encoded.isEmpty() || encoded.size() > MOST_AUTHORITIES) {
      throw new RefusalException(
          ReasonCode.BUNDLE_UNKNOWN, "the issuer names %d authorities".formatted(encoded.size()));
    }
    bundles.learn(KeepAgentSvidProcessor.certificates(encoded));
    exchange.getMessage().setBody(round.withBundle(bundles.authorities()));
  }
}
