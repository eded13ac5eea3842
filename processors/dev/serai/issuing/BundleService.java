package dev.serai.issuing;

import com.google.protobuf.ByteString;
import dev.serai.proto.spire.bundle.v1.GetBundleRequest;
import dev.serai.proto.spire.bundle.v1.GetFederatedBundleRequest;
import dev.serai.proto.spire.types.Bundle;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;

/** The trust domain's bundle for everybody. */
final class BundleService {
  private final Authority authority;

  BundleService(Authority authority) {
    this.authority = authority;
  }

  Bundle get(Caller caller, GetBundleRequest request) {
    TrustBundle bundle = authority.bundle();
    Bundle.Builder message =
        Bundle.newBuilder()
            .setTrustDomain(bundle.trustDomain().name())
            .setRefreshHint(bundle.refreshHint().toSeconds())
            .setSequenceNumber(bundle.sequence());
    bundle
        .authorities()
        .forEach(
            der -> message.addX509AuthoritiesBuilder().setAsn1(ByteString.copyFrom(der.toArray())));
    bundle
        .jwtKeys()
        .forEach(
            key ->
                message
                    .addJwtAuthoritiesBuilder()
                    .setKeyId(key.keyId())
                    .setPublicKey(ByteString.copyFrom(key.publicKey().toArray()))
                    .setExpiresAt(key.notAfter().getEpochSecond()));
    return FieldMasks.masked(message.build(), request.hasOutputMask(), request.getOutputMask());
  }

  Bundle getFederated(Caller caller, GetFederatedBundleRequest request) {
    throw new RefusalException(ReasonCode.BUNDLE_UNKNOWN, "bundle not found");
  }
}
