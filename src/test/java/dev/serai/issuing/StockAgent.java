package dev.serai.issuing;

import com.google.protobuf.ByteString;
import dev.serai.net.MaterialHolder;
import dev.serai.net.SpiffeChannels;
import dev.serai.net.X509Material;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.AgentX509SVIDParams;
import dev.serai.proto.spire.agent.v1.AttestAgentRequest;
import dev.serai.proto.spire.agent.v1.AttestAgentResponse;
import dev.serai.proto.spire.types.AttestationData;
import dev.serai.proto.spire.types.X509SVID;
import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.Bytes;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/** An agent that speaks the SPIRE server API in the order of a stock one. */
final class StockAgent implements AutoCloseable {
  private final TrustDomain trustDomain;
  private final int port;
  private final Path bundleFile;
  final KeyPair key = newKey();
  private final List<ManagedChannel> channels = new ArrayList<>();
  X509SVID svid;

  StockAgent(TrustDomain trustDomain, int port, Path bundleFile) {
    this.trustDomain = trustDomain;
    this.port = port;
    this.bundleFile = bundleFile;
  }

  static KeyPair newKey() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      return generator.generateKeyPair();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  static Bytes csr(KeyPair key) {
    return csr(key, key);
  }

  /** A request for one key, signed by another. */
  static Bytes csr(KeyPair subject, KeyPair signer) {
    try {
      return Bytes.copyOf(
          new JcaPKCS10CertificationRequestBuilder(
                  new X500Principal("C=US,O=SPIRE"), subject.getPublic())
              .build(new JcaContentSignerBuilder("SHA256withECDSA").build(signer.getPrivate()))
              .getEncoded());
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  List<X509Certificate> bundle() {
    try {
      List<X509Certificate> all = new ArrayList<>();
      for (Certificate one :
          CertificateFactory.getInstance("X.509")
              .generateCertificates(new ByteArrayInputStream(Files.readAllBytes(bundleFile)))) {
        all.add((X509Certificate) one);
      }
      return all;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** Before there is an identity. */
  ManagedChannel anonymous() {
    return kept(
        SpiffeChannels.bundleOnly(
            "127.0.0.1", port, this::bundle, trustDomain.withPath("/spire/server")));
  }

  /** With the identity from attestation. */
  ManagedChannel authenticated() {
    return authenticated(svid, key);
  }

  ManagedChannel authenticated(X509SVID identity, KeyPair identityKey) {
    MaterialHolder holder = new MaterialHolder();
    holder.set(
        new X509Material(
            identity.getCertChainList().stream()
                .map(der -> Certificates.decode(Bytes.copyOf(der.toByteArray())))
                .toList(),
            identityKey.getPrivate(),
            bundle()));
    return kept(
        SpiffeChannels.tls("127.0.0.1", port, holder, trustDomain.withPath("/spire/server")));
  }

  private ManagedChannel kept(ManagedChannel channel) {
    channels.add(channel);
    return channel;
  }

  static AttestAgentRequest params(String type, String payload, Bytes csr) {
    return AttestAgentRequest.newBuilder()
        .setParams(
            AttestAgentRequest.Params.newBuilder()
                .setData(
                    AttestationData.newBuilder()
                        .setType(type)
                        .setPayload(ByteString.copyFromUtf8(payload)))
                .setParams(
                    AgentX509SVIDParams.newBuilder().setCsr(ByteString.copyFrom(csr.toArray()))))
        .build();
  }

  /** One AttestAgent stream. */
  static final class Conversation implements StreamObserver<AttestAgentResponse> {
    private final BlockingQueue<Object> heard = new LinkedBlockingQueue<>();
    private final StreamObserver<AttestAgentRequest> out;

    Conversation(ManagedChannel channel) {
      this.out = AgentGrpc.newStub(channel).attestAgent(this);
    }

    Conversation say(AttestAgentRequest request) {
      out.onNext(request);
      return this;
    }

    /** The next answer, or the error that ends the stream. */
    AttestAgentResponse hear() throws Throwable {
      Object next = heard.poll(60, TimeUnit.SECONDS);
      if (next == null) {
        throw new AssertionError("no answer");
      }
      if (next instanceof Throwable failure) {
        throw failure;
      }
      return (AttestAgentResponse) next;
    }

    @Override
    public void onNext(AttestAgentResponse value) {
      heard.add(value);
    }

    @Override
    public void onError(Throwable failure) {
      heard.add(failure);
    }

    @Override
    public void onCompleted() {
      heard.add(new IllegalStateException("completed"));
    }
  }

  Conversation converse() {
    return new Conversation(anonymous());
  }

  StockAgent attestByToken(String token) throws Throwable {
    AttestAgentResponse response = converse().say(params("join_token", token, csr(key))).hear();
    svid = response.getResult().getSvid();
    return this;
  }

  @Override
  public void close() {
    channels.forEach(ManagedChannel::shutdownNow);
  }
}
