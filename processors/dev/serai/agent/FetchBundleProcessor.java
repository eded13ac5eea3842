package dev.serai.agent;

import com.google.protobuf.ByteString;
import dev.serai.jwtsvid.JwtBundle;
import dev.serai.proto.spire.bundle.v1.BundleGrpc;
import dev.serai.proto.spire.bundle.v1.GetBundleRequest;
import dev.serai.proto.spire.types.Bundle;
import dev.serai.proto.spire.types.JWTKey;
import dev.serai.proto.spire.types.X509Certificate;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.Bytes;
import java.security.PublicKey;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Route step: body SyncRound in and out, with the trust domain's authorities of both kinds. */
final class FetchBundleProcessor implements Processor {
  private static final Logger LOG = LoggerFactory.getLogger(FetchBundleProcessor.class);
  private static final int MOST_AUTHORITIES = 256;

  private final Issuer issuer;
  private final TrustBundles bundles;
  private final AgentSettings settings;
  private final TrustDomain trustDomain;
  private volatile List<String> lastUnusable = List.of();

  FetchBundleProcessor(Issuer issuer, TrustBundles bundles, AgentSettings settings) {
    this.issuer = issuer;
    this.bundles = bundles;
    this.settings = settings;
    this.trustDomain = TrustDomain.parse(settings.trustDomain());
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
    List<String> unusable = new ArrayList<>();
    JwtBundle jwtBundle = jwtBundle(trustDomain, bundle.getJwtAuthoritiesList(), unusable);
    if (!unusable.equals(lastUnusable)) { // said once, and not with every synchronisation
      unusable.forEach(why -> LOG.warn("a JWT authority of the issuer is not used: {}", why));
      lastUnusable = unusable;
    }
    exchange.getMessage().setBody(round.withBundle(bundles.authorities(), jwtBundle));
  }

  /**
   * Of keys that cannot be used the others are none the worse.
   *
   * @param unusable gets why, for each of them
   */
  static JwtBundle jwtBundle(
      TrustDomain trustDomain, List<JWTKey> authorities, List<String> unusable) {
    if (authorities.size() > MOST_AUTHORITIES) {
      throw new RefusalException(
          ReasonCode.BUNDLE_UNKNOWN,
          "the issuer names %d JWT authorities".formatted(authorities.size()));
    }
    Map<String, PublicKey> keys = new HashMap<>();
    for (JWTKey authority : authorities) {
      try {
        if (authority.getKeyId().isEmpty()) {
          throw new IllegalArgumentException("a key without an id");
        }
        keys.put(
            authority.getKeyId(),
            JwtBundle.key(Bytes.copyOf(authority.getPublicKey().toByteArray())));
      } catch (IllegalArgumentException e) {
        unusable.add(e.getMessage());
      }
    }
    return JwtBundle.of(trustDomain, keys);
  }
}
