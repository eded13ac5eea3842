package dev.serai.agent;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.rpc.ErrorInfo;
import dev.serai.net.X509Material;
import dev.serai.proto.serai.v1.AttestationChallenge;
import dev.serai.proto.serai.v1.NodeGrpc;
import dev.serai.proto.serai.v1.PcrBank;
import dev.serai.proto.serai.v1.WatchEvent;
import dev.serai.proto.serai.v1.WatchRequest;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.AttestAgentRequest;
import dev.serai.proto.spire.agent.v1.AttestAgentResponse;
import dev.serai.proto.spire.bundle.v1.BundleGrpc;
import dev.serai.proto.spire.bundle.v1.GetBundleRequest;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.entry.v1.EntryRevision;
import dev.serai.proto.spire.entry.v1.SyncAuthorizedEntriesRequest;
import dev.serai.proto.spire.entry.v1.SyncAuthorizedEntriesResponse;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDRequest;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDResponse;
import dev.serai.proto.spire.svid.v1.NewJWTSVIDRequest;
import dev.serai.proto.spire.svid.v1.NewJWTSVIDResponse;
import dev.serai.proto.spire.svid.v1.SVIDGrpc;
import dev.serai.proto.spire.types.Bundle;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.JWTKey;
import dev.serai.proto.spire.types.JWTSVID;
import dev.serai.proto.spire.types.PermissionDeniedDetails;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.proto.spire.types.X509Certificate;
import dev.serai.proto.spire.types.X509SVID;
import dev.serai.reason.ReasonCode;
import dev.serai.testing.TestAuthority;
import dev.serai.testing.TestJwtAuthority;
import dev.serai.tpm.Bytes;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.security.KeyPair;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLSession;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequest;

/** An issuer made of grpc-java, which judges nothing and refuses what the test says. */
final class FakeIssuer implements AutoCloseable {
  static final String DOMAIN = "test.example";
  private static final Context.Key<String> SERIAL = Context.key("serial");

  final TestAuthority authority = new TestAuthority(DOMAIN);
  final AtomicInteger attestations = new AtomicInteger();
  final AtomicInteger syncs = new AtomicInteger();
  final AtomicReference<Optional<StatusRuntimeException>> refuseAttest =
      new AtomicReference<>(Optional.empty());
  final AtomicReference<Optional<StatusRuntimeException>> refuseNode =
      new AtomicReference<>(Optional.empty());
  final AtomicReference<SovereignAttestation> evidence = new AtomicReference<>();
  final AtomicReference<Bytes> csr = new AtomicReference<>();
  final Map<String, Entry> entries = new ConcurrentHashMap<>();
  final Set<String> active = ConcurrentHashMap.newKeySet();
  final List<StreamObserver<WatchEvent>> watchers = new CopyOnWriteArrayList<>();
  private final AtomicBoolean watchesAway = new AtomicBoolean();
  final AtomicInteger jwtSvids = new AtomicInteger();
  final AtomicReference<TestJwtAuthority> jwtAuthority =
      new AtomicReference<>(new TestJwtAuthority(DOMAIN, "key-1"));
  final AtomicReference<Optional<StatusRuntimeException>> refuseJwt =
      new AtomicReference<>(Optional.empty());
  volatile Duration jwtTtl = Duration.ofMinutes(5);
  volatile boolean jwtForAnother;
  volatile Duration agentTtl = Duration.ofHours(1);
  volatile int pageSize = 500;
  volatile boolean locationDemanded;

  private final int port;
  private final X509Material material = authority.material("/spire/server");
  private Server server;

  FakeIssuer(int port) {
    this.port = port;
  }

  int port() {
    return port;
  }

  FakeIssuer start() throws Exception {
    var ssl =
        SslContextBuilder.forServer(
                material.privateKey(),
                material.chain().toArray(java.security.cert.X509Certificate[]::new))
            .trustManager(authority.certificate())
            .clientAuth(ClientAuth.OPTIONAL);
    server =
        NettyServerBuilder.forAddress(new java.net.InetSocketAddress("127.0.0.1", port))
            .sslContext(GrpcSslContexts.configure(ssl, SslProvider.JDK).build())
            .intercept(new Peer())
            .addService(new Agents())
            .addService(new Bundles())
            .addService(new Entries())
            .addService(new Svids())
            .addService(new Nodes())
            .build()
            .start();
    return this;
  }

  void stop() {
    server.shutdownNow();
    watchers.clear();
  }

  @Override
  public void close() {
    if (server != null) {
      stop();
    }
  }

  String bundlePem() {
    return Pem.certificates(List.of(authority.certificate()));
  }

  /** As our issuer refuses: SPIRE's detail (if there is one) and our code. */
  static StatusRuntimeException denied(
      ReasonCode code, Optional<PermissionDeniedDetails.Reason> details) {
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder()
            .setCode(code.kind().grpcCode())
            .setMessage(code + ": said by the test");
    details.ifPresent(
        reason ->
            status.addDetails(
                Any.pack(PermissionDeniedDetails.newBuilder().setReason(reason).build())));
    status.addDetails(
        Any.pack(ErrorInfo.newBuilder().setDomain("serai.dev").setReason(code.name()).build()));
    return StatusProto.toStatusRuntimeException(status.build());
  }

  /** As a stock SPIRE server refuses. */
  static StatusRuntimeException spireDenied(PermissionDeniedDetails.Reason reason) {
    return StatusProto.toStatusRuntimeException(
        com.google.rpc.Status.newBuilder()
            .setCode(7)
            .setMessage("agent is not active")
            .addDetails(Any.pack(PermissionDeniedDetails.newBuilder().setReason(reason).build()))
            .build());
  }

  void entry(Entry entry) {
    entries.put(entry.getId(), entry);
    tell();
  }

  void tell() {
    for (StreamObserver<WatchEvent> watcher : watchers) {
      watcher.onNext(WatchEvent.newBuilder().setRevision(2).build());
    }
  }

  /** Open watches end, and until told otherwise none is opened; all else is answered. */
  void watchesAway(boolean away) {
    watchesAway.set(away);
    if (away) {
      for (StreamObserver<WatchEvent> watcher : watchers) {
        watchers.remove(watcher);
        watcher.onError(Status.UNAVAILABLE.asRuntimeException());
      }
    }
  }

  /** From now on the node is refused, and open watches end. */
  void refuse(StatusRuntimeException refusal) {
    refuseNode.set(Optional.of(refusal));
    active.clear();
    for (StreamObserver<WatchEvent> watcher : watchers) {
      watchers.remove(watcher);
      watcher.onError(refusal);
    }
  }

  private void requireNode() {
    if (refuseNode.get().isPresent()) {
      throw refuseNode.get().get();
    }
    String serial = SERIAL.get();
    if (serial == null) {
      throw Status.UNAUTHENTICATED.asRuntimeException();
    }
    if (!active.contains(serial)) {
      throw spireDenied(PermissionDeniedDetails.Reason.AGENT_NOT_ACTIVE);
    }
  }

  private java.security.cert.X509Certificate sign(byte[] csr, String path, Duration ttl) {
    try {
      PKCS10CertificationRequest request = new PKCS10CertificationRequest(csr);
      var key = new JcaPKCS10CertificationRequest(request).getPublicKey();
      boolean signed =
          request.isSignatureValid(
              new org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder().build(key));
      if (!signed) {
        throw Status.INVALID_ARGUMENT.withDescription("CSR").asRuntimeException();
      }
      return authority.leaf(
          new KeyPair(
              new JcaPEMKeyConverter().getPublicKey(request.getSubjectPublicKeyInfo()), null),
          List.of("spiffe://" + DOMAIN + path),
          false,
          ttl);
    } catch (StatusRuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static X509SVID svid(java.security.cert.X509Certificate leaf) {
    try {
      return X509SVID.newBuilder().addCertChain(ByteString.copyFrom(leaf.getEncoded())).build();
    } catch (java.security.cert.CertificateEncodingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static final class Peer implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      SSLSession session = call.getAttributes().get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
      String serial = null;
      try {
        serial =
            ((java.security.cert.X509Certificate) session.getPeerCertificates()[0])
                .getSerialNumber()
                .toString();
      } catch (javax.net.ssl.SSLPeerUnverifiedException e) {
        // nobody
      }
      return Contexts.interceptCall(
          Context.current().withValue(SERIAL, serial), call, headers, next);
    }
  }

  private final class Agents extends AgentGrpc.AgentImplBase {
    @Override
    public StreamObserver<AttestAgentRequest> attestAgent(
        StreamObserver<AttestAgentResponse> answers) {
      byte[] nonce = new byte[32];
      new SecureRandom().nextBytes(nonce);
      AtomicReference<AttestAgentRequest.Params> params = new AtomicReference<>();
      return new StreamObserver<>() {
        @Override
        public void onNext(AttestAgentRequest request) {
          try {
            if (request.hasParams()) {
              params.set(request.getParams());
              answers.onNext(
                  AttestAgentResponse.newBuilder()
                      .setChallenge(
                          AttestationChallenge.newBuilder()
                              .setNonce(ByteString.copyFrom(nonce))
                              .setLocationDemanded(locationDemanded)
                              .addBanks(
                                  PcrBank.newBuilder()
                                      .setBank("sha256")
                                      .addAllPcrs(List.of(0, 1, 2, 7)))
                              .build()
                              .toByteString())
                      .build());
              return;
            }
            csr.set(Bytes.copyOf(params.get().getParams().getCsr().toByteArray()));
            evidence.set(SovereignAttestation.parseFrom(request.getChallengeResponse()));
            attestations.incrementAndGet();
            if (refuseAttest.get().isPresent()) {
              answers.onError(refuseAttest.get().get());
              return;
            }
            String path =
                "/spire/agent/unified_identity/"
                    + params.get().getData().getPayload().toStringUtf8();
            var leaf = sign(params.get().getParams().getCsr().toByteArray(), path, agentTtl);
            active.add(leaf.getSerialNumber().toString());
            refuseNode.set(Optional.empty());
            answers.onNext(
                AttestAgentResponse.newBuilder()
                    .setResult(
                        AttestAgentResponse.Result.newBuilder()
                            .setReattestable(true)
                            .setSvid(svid(leaf)))
                    .build());
            answers.onCompleted();
          } catch (StatusRuntimeException e) {
            answers.onError(e);
          } catch (Exception e) {
            answers.onError(Status.INTERNAL.withCause(e).asRuntimeException());
          }
        }

        @Override
        public void onError(Throwable t) {}

        @Override
        public void onCompleted() {}
      };
    }
  }

  private final class Bundles extends BundleGrpc.BundleImplBase {
    @Override
    public void getBundle(GetBundleRequest request, StreamObserver<Bundle> answers) {
      try {
        answers.onNext(
            Bundle.newBuilder()
                .setTrustDomain(DOMAIN)
                .addX509Authorities(
                    X509Certificate.newBuilder()
                        .setAsn1(ByteString.copyFrom(authority.certificate().getEncoded())))
                .addJwtAuthorities(
                    JWTKey.newBuilder().setKeyId("no key").setPublicKey(ByteString.EMPTY))
                .addJwtAuthorities(
                    JWTKey.newBuilder()
                        .setKeyId(jwtAuthority.get().keyId())
                        .setPublicKey(
                            ByteString.copyFrom(jwtAuthority.get().key().getPublic().getEncoded())))
                .build());
        answers.onCompleted();
      } catch (java.security.cert.CertificateEncodingException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private final class Entries extends EntryGrpc.EntryImplBase {
    @Override
    public StreamObserver<SyncAuthorizedEntriesRequest> syncAuthorizedEntries(
        StreamObserver<SyncAuthorizedEntriesResponse> answers) {
      requireNode();
      syncs.incrementAndGet();
      Map<String, Entry> all = new TreeMap<>(entries);
      return new StreamObserver<>() {
        private boolean begun;

        @Override
        public void onNext(SyncAuthorizedEntriesRequest request) {
          if (!begun) {
            begun = true;
            if (all.size() <= pageSize) {
              answers.onNext(
                  SyncAuthorizedEntriesResponse.newBuilder().addAllEntries(all.values()).build());
              return;
            }
            int left = all.size();
            var page = SyncAuthorizedEntriesResponse.newBuilder();
            for (Entry entry : all.values()) {
              page.addEntryRevisions(
                  EntryRevision.newBuilder()
                      .setId(entry.getId())
                      .setRevisionNumber(entry.getRevisionNumber())
                      .setCreatedAt(entry.getCreatedAt()));
              left--;
              if (page.getEntryRevisionsCount() == pageSize || left == 0) {
                answers.onNext(page.setMore(left > 0).build());
                page = SyncAuthorizedEntriesResponse.newBuilder();
              }
            }
            return;
          }
          int left = request.getIdsCount();
          var page = SyncAuthorizedEntriesResponse.newBuilder();
          for (String id : request.getIdsList()) {
            page.addEntries(all.get(id));
            left--;
            if (page.getEntriesCount() == pageSize || left == 0) {
              answers.onNext(page.setMore(left > 0).build());
              page = SyncAuthorizedEntriesResponse.newBuilder();
            }
          }
        }

        @Override
        public void onError(Throwable t) {}

        @Override
        public void onCompleted() {
          answers.onCompleted();
        }
      };
    }
  }

  private final class Svids extends SVIDGrpc.SVIDImplBase {
    @Override
    public void newJWTSVID(NewJWTSVIDRequest request, StreamObserver<NewJWTSVIDResponse> answers) {
      jwtSvids.incrementAndGet();
      Entry entry = entries.get(request.getEntryId());
      try {
        requireNode();
        if (refuseJwt.get().isPresent()) {
          throw refuseJwt.get().get();
        }
        if (entry == null) {
          throw Status.NOT_FOUND.asRuntimeException();
        }
      } catch (StatusRuntimeException e) {
        answers.onError(e);
        return;
      }
      String path = jwtForAnother ? "/another" : entry.getSpiffeId().getPath();
      String token =
          jwtAuthority.get().token(path, request.getAudienceList(), Instant.now(), jwtTtl);
      answers.onNext(
          NewJWTSVIDResponse.newBuilder()
              .setSvid(JWTSVID.newBuilder().setId(entry.getSpiffeId()).setToken(token))
              .build());
      answers.onCompleted();
    }

    @Override
    public void batchNewX509SVID(
        BatchNewX509SVIDRequest request, StreamObserver<BatchNewX509SVIDResponse> answers) {
      requireNode();
      var answer = BatchNewX509SVIDResponse.newBuilder();
      request
          .getParamsList()
          .forEach(
              params ->
                  answer.addResults(
                      BatchNewX509SVIDResponse.Result.newBuilder()
                          .setSvid(
                              svid(
                                  sign(
                                      params.getCsr().toByteArray(),
                                      entries.get(params.getEntryId()).getSpiffeId().getPath(),
                                      Duration.ofMinutes(10))))));
      answers.onNext(answer.build());
      answers.onCompleted();
    }
  }

  private final class Nodes extends NodeGrpc.NodeImplBase {
    @Override
    public void watch(WatchRequest request, StreamObserver<WatchEvent> answers) {
      requireNode();
      if (watchesAway.get()) {
        throw Status.UNAVAILABLE.asRuntimeException();
      }
      watchers.add(answers);
      answers.onNext(WatchEvent.newBuilder().setRevision(1).build());
    }
  }
}
