package dev.serai.torture;

import com.google.protobuf.ByteString;
import dev.serai.net.RoleProofMessage;
import dev.serai.proto.serai.v1.AttestationChallenge;
import dev.serai.proto.serai.v1.RoleProof;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.AgentX509SVIDParams;
import dev.serai.proto.spire.agent.v1.AttestAgentRequest;
import dev.serai.proto.spire.agent.v1.AttestAgentResponse;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.proto.spire.types.AttestationData;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.signing.SignatureAlgorithm;
import dev.serai.signing.Signatures;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.Bytes;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/** A role process of its own that is away all the time, comes back now and then, and cheats. */
final class Replayer implements AutoCloseable {
  static final String IDENTITY = "an identity";

  private final ManagedChannel channel;
  private final KeyPair key;
  private final SpiffeId id;
  private final ByteString request;

  Replayer(Site site) throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(256);
    key = generator.generateKeyPair();
    request =
        ByteString.copyFrom(
            new JcaPKCS10CertificationRequestBuilder(new X500Name("CN=away"), key.getPublic())
                .build(new JcaContentSignerBuilder("SHA256withECDSA").build(key.getPrivate()))
                .getEncoded());
    String token =
        AgentGrpc.newBlockingStub(site.admin())
            .withDeadlineAfter(30, TimeUnit.SECONDS)
            .createJoinToken(
                CreateJoinTokenRequest.newBuilder()
                    .setTtl(600)
                    .setToken(UUID.randomUUID().toString())
                    .setAgentId(
                        SPIFFEID.newBuilder().setTrustDomain(Site.DOMAIN).setPath("/serai/away"))
                    .build())
            .getValue();
    id = TrustDomain.parse(Site.DOMAIN).withPath("/spire/agent/join_token/" + token);
    channel =
        NettyChannelBuilder.forAddress("127.0.0.1", site.outsidePort())
            .overrideAuthority("issuer")
            .sslContext(
                GrpcSslContexts.forClient()
                    .trustManager(InsecureTrustManagerFactory.INSTANCE) // a thief checks nothing
                    .build())
            .build();
    String admitted = say("join_token", token).end();
    if (!admitted.equals(IDENTITY)) {
      throw new AssertionError("a good join token was answered with " + admitted);
    }
  }

  /** One AttestAgent stream. */
  final class Attempt implements StreamObserver<AttestAgentResponse> {
    private final BlockingQueue<Object> heard = new LinkedBlockingQueue<>();
    private final StreamObserver<AttestAgentRequest> out;

    private Attempt(String type, String payload) {
      channel.resetConnectBackoff();
      out = AgentGrpc.newStub(channel).withDeadlineAfter(20, TimeUnit.SECONDS).attestAgent(this);
      out.onNext(
          AttestAgentRequest.newBuilder()
              .setParams(
                  AttestAgentRequest.Params.newBuilder()
                      .setData(
                          AttestationData.newBuilder()
                              .setType(type)
                              .setPayload(ByteString.copyFromUtf8(payload)))
                      .setParams(AgentX509SVIDParams.newBuilder().setCsr(request)))
              .build());
    }

    /** What the challenge of this stream is to be answered with. */
    ByteString proof() throws Exception {
      Object challenge = next();
      if (!(challenge instanceof AttestAgentResponse response) || !response.hasChallenge()) {
        throw new AssertionError("no challenge but " + words(challenge));
      }
      Bytes nonce =
          Bytes.copyOf(
              AttestationChallenge.parseFrom(response.getChallenge()).getNonce().toByteArray());
      Bytes message = RoleProofMessage.of(id, nonce, Bytes.copyOf(request.toByteArray()));
      return RoleProof.newBuilder()
          .setNonce(ByteString.copyFrom(nonce.toArray()))
          .setPublicKey(ByteString.copyFrom(key.getPublic().getEncoded()))
          .setSignature(
              ByteString.copyFrom(
                  Signatures.fastest()
                      .signer(key.getPrivate())
                      .sign(SignatureAlgorithm.ECDSA_SHA256_DER, message)
                      .toArray()))
          .build()
          .toByteString();
    }

    Attempt answer(ByteString bytes) {
      out.onNext(AttestAgentRequest.newBuilder().setChallengeResponse(bytes).build());
      return this;
    }

    /** What came of it, in words; challenges are passed over. */
    String end() throws InterruptedException {
      Object said = next();
      while (said instanceof AttestAgentResponse response && response.hasChallenge()) {
        said = next();
      }
      return words(said);
    }

    private Object next() throws InterruptedException {
      Object said = heard.poll(30, TimeUnit.SECONDS);
      return said == null ? "nothing" : said;
    }

    private static String words(Object said) {
      if (said instanceof AttestAgentResponse response) {
        return response.hasResult() ? IDENTITY : "a challenge";
      }
      if (said instanceof Throwable failure) {
        com.google.rpc.Status status = StatusProto.fromThrowable(failure);
        return (status == null ? Status.fromThrowable(failure) : status).toString();
      }
      return said.toString();
    }

    @Override
    public void onNext(AttestAgentResponse response) {
      heard.add(response);
    }

    @Override
    public void onError(Throwable failure) {
      heard.add(failure);
    }

    @Override
    public void onCompleted() {
      heard.add("the end");
    }
  }

  Attempt say(String type, String payload) {
    return new Attempt(type, payload);
  }

  /** Asks for a challenge, as a role process whose identity is over. */
  Attempt comeBack() {
    return say("serai_role", id.toString());
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
