package dev.serai.agent;

import com.google.protobuf.ByteString;
import dev.serai.net.MaterialHolder;
import dev.serai.net.MaterialSource;
import dev.serai.net.RoleIdentities;
import dev.serai.net.RoleProofMessage;
import dev.serai.net.SpiffeChannels;
import dev.serai.net.X509Material;
import dev.serai.proto.serai.v1.RoleProof;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.AgentX509SVIDParams;
import dev.serai.proto.spire.agent.v1.AttestAgentRequest;
import dev.serai.proto.spire.agent.v1.AttestAgentResponse;
import dev.serai.proto.spire.agent.v1.RenewAgentRequest;
import dev.serai.proto.spire.bundle.v1.BundleGrpc;
import dev.serai.proto.spire.bundle.v1.GetBundleRequest;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDRequest;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDResponse;
import dev.serai.proto.spire.svid.v1.NewX509SVIDParams;
import dev.serai.proto.spire.svid.v1.SVIDGrpc;
import dev.serai.proto.spire.types.AttestationData;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.X509Certificate;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RoleContext;
import dev.serai.role.RoleView;
import dev.serai.signing.SignatureAlgorithm;
import dev.serai.signing.Signatures;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.spiffe.X509SvidProfile;
import dev.serai.tpm.Bytes;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Identities of the roles of a process that has no issuer: it attests once with a join token, then
 * asks for the SVIDs of its entries {@code spiffe://<td>/serai/<role>} and renews all of them at
 * half of their life. What it gets is on disk (0600) before it is used, so a restart needs no new
 * token. Nor does a process that was away, or whose clock or whose issuer's clock was wrong, until
 * its own SVID had ended: it proves to the issuer that it holds that SVID's key. Faults are tried
 * again for ever.
 */
public final class RemoteRoleIdentities implements RoleIdentities, RoleView, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RemoteRoleIdentities.class);
  private static final String PREFIX = "/serai/";
  private static final String NODE = "node";
  private static final String JOIN_TOKEN = "join_token";

  /** The attestor of the issuer for processes that have been here before. */
  private static final String SERAI_ROLE = "serai_role";

  private static final Duration PERIOD = Duration.ofSeconds(5);
  private static final Duration AT_ONCE = Duration.ofMillis(200);

  /** What is over when it comes is used meanwhile: the issuer's clock or ours is wrong. */
  private static final Duration WRONG_CLOCK = Duration.ofSeconds(15);

  private static final Backoff BACKOFF = new Backoff(Duration.ofSeconds(1), Duration.ofSeconds(10));

  private final Options options;
  private final AgentFiles files;
  private final TrustBundles bundles;
  private final InstantSource clock;
  private final Map<String, MaterialHolder> holders = new ConcurrentHashMap<>();
  private final Map<String, Held> held = new ConcurrentHashMap<>();
  private final MaterialHolder node = new MaterialHolder();
  private final Optional<ManagedChannel> asNode;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "serai-role-identities");
            thread.setDaemon(true);
            return thread;
          });
  private Map<String, Entry> entries = Map.of();
  private int failures;
  private boolean refused;
  private boolean attestedAnew;
  private volatile Optional<Reason> trouble =
      Optional.of(new Reason(ReasonCode.AGENT_NOT_READY, "not attested yet"));

  /**
   * What it needs to know.
   *
   * @param joinToken file with the token; empty: this process has no identity at all
   * @param roles of this process
   */
  record Options(
      TrustDomain trustDomain,
      String issuerHost,
      int issuerPort,
      Optional<Path> joinToken,
      Path trustBundle,
      Duration callTimeout,
      Set<String> roles) {
    Options {
      roles = Set.copyOf(roles);
    }

    SpiffeId server() {
      return trustDomain.withPath("/spire/server");
    }
  }

  /** A key with its chain; entry: id and revision, for a role. */
  private record Held(
      PrivateKey key,
      List<java.security.cert.X509Certificate> chain,
      String entry,
      Instant obtainedAt,
      Instant renewAt) {
    /** Also when the clock was set back since. */
    boolean renewalDue(Instant now) {
      return !now.isBefore(renewAt) || now.isBefore(obtainedAt);
    }

    Held renewedAt(Instant time) {
      return new Held(key, chain, entry, obtainedAt, time);
    }

    Instant notAfter() {
      return chain.get(0).getNotAfter().toInstant();
    }
  }

  RemoteRoleIdentities(Options options, Path directory, InstantSource clock) {
    this.options = options;
    this.clock = clock;
    this.files = new AgentFiles(directory);
    this.bundles = new TrustBundles(files, options.trustBundle());
    this.asNode =
        options
            .joinToken()
            .map(
                file ->
                    SpiffeChannels.tls(
                        options.issuerHost(), options.issuerPort(), node, options.server()));
    bundles.onChange(this::showAll);
  }

  /** For a process without the issuer role. Works in the background from {@link #start} on. */
  public static RemoteRoleIdentities of(RoleContext context) {
    AgentSettings settings = AgentSettings.of(context.settings(), context.stateDir());
    return new RemoteRoleIdentities(
        new Options(
            TrustDomain.parse(settings.trustDomain()),
            settings.issuerHost(),
            settings.issuerPort(),
            context.settings().optionalText("serai.role.join-token-file").map(Path::of),
            settings.trustBundle(),
            settings.callTimeout(),
            context.roles()),
        context.stateDir().resolve("roles"),
        context.clock());
  }

  /** Loads what was kept, then keeps it fresh. */
  public void start() {
    if (options.joinToken().isEmpty()) {
      return;
    }
    timer.execute(this::recall);
    timer.execute(this::run);
  }

  @Override
  public MaterialSource forRole(String role) {
    return holders.computeIfAbsent(role, r -> new MaterialHolder());
  }

  /** What is held now. */
  @Override
  public List<Document> documents() {
    return held.entrySet().stream()
        .map(
            one ->
                Document.renewed(
                    one.getKey().equals(NODE) ? "process SVID" : "role SVID",
                    X509SvidProfile.idOf(one.getValue().chain().get(0))
                        .map(Object::toString)
                        .orElse(one.getKey()),
                    one.getValue().chain().get(0).getNotBefore().toInstant(),
                    one.getValue().notAfter()))
        .toList();
  }

  /** Why there is not everything; empty when there is. */
  public Optional<Reason> trouble() {
    return trouble;
  }

  @Override
  public Optional<Reason> missing(String role) {
    Held have = held.get(role);
    if (options.joinToken().isEmpty()
        || have != null && clock.instant().isBefore(have.notAfter())) {
      return Optional.empty();
    }
    return trouble.or(
        () -> Optional.of(new Reason(ReasonCode.AGENT_NOT_READY, "no SVID for the role " + role)));
  }

  private void run() {
    Duration pause = PERIOD;
    try {
      step();
      failures = 0;
      trouble = Optional.empty();
    } catch (StatusRuntimeException e) {
      pause = failed(IssuerErrors.reason(e));
    } catch (RefusalException e) {
      pause = failed(e.reason());
    } catch (RuntimeException e) {
      LOG.error("role identities", e);
      pause = failed(new Reason(ReasonCode.INTERNAL_ERROR, ReasonCode.INTERNAL_ERROR.what()));
    }
    if (!timer.isShutdown()) {
      Future<?> unused = timer.schedule(this::run, pause.toMillis(), TimeUnit.MILLISECONDS);
    }
  }

  private Duration failed(Reason reason) {
    failures = Math.min(failures + 1, 1000);
    if (!Optional.of(reason).equals(trouble)) {
      LOG.warn("role identities wait: {}", reason);
    }
    trouble = Optional.of(reason);
    // The key may still be good, or there is a new token. What there is is kept: the issuer may
    // only have a wrong clock, or a disk that is full.
    refused =
        reason.code() == ReasonCode.CALLER_NOT_AUTHENTICATED
            || AgentLifecycle.isCuredByAttesting(reason.code())
                && reason.code() != ReasonCode.NODE_MUST_REATTEST;
    return refused && !attestedAnew
        ? AT_ONCE
        : BACKOFF.after(failures, ThreadLocalRandom.current().nextDouble());
  }

  /** One round: be a node, know the bundle, hold an SVID for each role. */
  void step() {
    bundles.refresh();
    held.forEach(this::show); // with the authorities of now
    Instant now = clock.instant();
    Held self = held.get(NODE);
    attestedAnew =
        self == null || refused || !now.isBefore(self.notAfter()) && self.renewalDue(now);
    refused = false; // if that is no good either, the next round goes on with what is held
    if (attestedAnew) {
      keep(NODE, self == null ? redeem() : comeBack(self));
    } else if (self.renewalDue(now)) {
      keep(NODE, renewNode());
    }
    ManagedChannel channel = asNode.orElseThrow();
    bundles.learn(
        KeepAgentSvidProcessor.certificates(
            BundleGrpc.newBlockingStub(channel)
                .withDeadlineAfter(options.callTimeout().toMillis(), TimeUnit.MILLISECONDS)
                .getBundle(GetBundleRequest.getDefaultInstance())
                .getX509AuthoritiesList()
                .stream()
                .map(X509Certificate::getAsn1)
                .toList()));
    List<Entry> authorised = EntrySync.run(channel, entries, options.callTimeout());
    Map<String, Entry> byId = new HashMap<>();
    authorised.forEach(entry -> byId.put(entry.getId(), entry));
    entries = Map.copyOf(byId);
    for (Entry entry : authorised) {
      renewRole(channel, entry, now);
    }
    for (String role : holders.keySet()) {
      if (options.roles().contains(role) && !held.containsKey(role)) {
        throw new RefusalException(
            ReasonCode.ENTRY_UNKNOWN, "no entry %s%s for this process".formatted(PREFIX, role));
      }
    }
  }

  private void renewRole(ManagedChannel channel, Entry entry, Instant now) {
    String path = entry.getSpiffeId().getPath();
    String role = path.startsWith(PREFIX) ? path.substring(PREFIX.length()) : "";
    if (!options.roles().contains(role)) {
      return;
    }
    String revision = entry.getId() + " " + entry.getRevisionNumber();
    Held have = held.get(role);
    if (have != null && have.entry().equals(revision) && !have.renewalDue(now)) {
      return;
    }
    KeyPair pair = MakeWorkloadKeysProcessor.newKey();
    BatchNewX509SVIDResponse answer =
        SVIDGrpc.newBlockingStub(channel)
            .withDeadlineAfter(options.callTimeout().toMillis(), TimeUnit.MILLISECONDS)
            .batchNewX509SVID(
                BatchNewX509SVIDRequest.newBuilder()
                    .addParams(
                        NewX509SVIDParams.newBuilder().setEntryId(entry.getId()).setCsr(csr(pair)))
                    .build());
    if (answer.getResultsCount() != 1 || answer.getResults(0).getStatus().getCode() != 0) {
      throw new RefusalException(ReasonCode.ENTRY_UNKNOWN, "no SVID for the entry of role " + role);
    }
    keep(
        role,
        held(
            pair.getPrivate(),
            KeepAgentSvidProcessor.chain(answer.getResults(0).getSvid().getCertChainList()),
            revision));
    LOG.info("role {} has an SVID until {}", role, held.get(role).notAfter());
  }

  /** By the key it has; by a token only if the issuer will not have the key. */
  private Held comeBack(Held self) {
    Reason keyRefused;
    try {
      Held proven = prove(self);
      LOG.info("this process is known to the issuer again, by the key it has");
      return proven;
    } catch (StatusRuntimeException e) {
      keyRefused = IssuerErrors.reason(e);
      if (!AgentLifecycle.isDenial(keyRefused.code())) {
        throw e;
      }
    }
    try {
      return redeem();
    } catch (StatusRuntimeException e) {
      if (AgentLifecycle.isDenial(IssuerErrors.reason(e).code())) {
        throw new RefusalException(keyRefused.code(), keyRefused.detail(), e);
      }
      throw e;
    } catch (RefusalException e) { // there is none
      throw new RefusalException(keyRefused.code(), keyRefused.detail(), e);
    }
  }

  /** Signs the issuer's challenge with the key of the SVID that is over. */
  private Held prove(Held self) {
    java.security.cert.X509Certificate leaf = self.chain().get(0);
    SpiffeId id =
        X509SvidProfile.idOf(leaf)
            .orElseThrow(
                () ->
                    new RefusalException(
                        ReasonCode.INTERNAL_ERROR, "what is kept as identity is no X509-SVID"));
    return attest(
        SERAI_ROLE,
        id.toString(),
        (challenge, csr) -> {
          Bytes nonce =
              Bytes.copyOf(BeginAttestationProcessor.challenge(challenge).getNonce().toByteArray());
          Bytes signature =
              Signatures.fastest()
                  .signer(self.key())
                  .sign(SignatureAlgorithm.ECDSA_SHA256_DER, RoleProofMessage.of(id, nonce, csr));
          return RoleProof.newBuilder()
              .setNonce(ByteString.copyFrom(nonce.toArray()))
              .setPublicKey(ByteString.copyFrom(leaf.getPublicKey().getEncoded()))
              .setSignature(ByteString.copyFrom(signature.toArray()))
              .build()
              .toByteString();
        });
  }

  private Held redeem() {
    Path file = options.joinToken().orElseThrow();
    String token =
        AgentFiles.readFile(file)
            .map(String::strip)
            .filter(text -> !text.isEmpty())
            .orElseThrow(
                () ->
                    new RefusalException(
                        ReasonCode.JOIN_TOKEN_UNKNOWN, "there is no token in " + file));
    return attest(
        JOIN_TOKEN,
        token,
        (challenge, csr) -> {
          throw new RefusalException(
              ReasonCode.PEER_UNAVAILABLE, "the issuer challenges a join token");
        });
  }

  /** What a challenge and the request for the next certificate are answered with. */
  private interface Answer {
    ByteString to(AttestAgentResponse challenge, Bytes csr);
  }

  private Held attest(String type, String payload, Answer answering) {
    if (bundles.authorities().isEmpty()) {
      throw new RefusalException(
          ReasonCode.TRUST_BUNDLE_MISSING, "no certificate in " + options.trustBundle());
    }
    KeyPair pair = MakeWorkloadKeysProcessor.newKey();
    Bytes csr = MakeWorkloadKeysProcessor.csr(pair);
    ManagedChannel channel =
        SpiffeChannels.bundleOnly(
            options.issuerHost(), options.issuerPort(), bundles::authorities, options.server());
    try (BidiCall<AttestAgentRequest, AttestAgentResponse> call =
        BidiCall.open(
            AgentGrpc.newStub(channel)
                    .withDeadlineAfter(options.callTimeout().toMillis(), TimeUnit.MILLISECONDS)
                ::attestAgent)) {
      call.send(
          AttestAgentRequest.newBuilder()
              .setParams(
                  AttestAgentRequest.Params.newBuilder()
                      .setData(
                          AttestationData.newBuilder()
                              .setType(type)
                              .setPayload(ByteString.copyFromUtf8(payload)))
                      .setParams(
                          AgentX509SVIDParams.newBuilder()
                              .setCsr(ByteString.copyFrom(csr.toArray()))))
              .build());
      Optional<AttestAgentResponse> said = call.next(options.callTimeout());
      if (said.filter(AttestAgentResponse::hasChallenge).isPresent()) {
        call.send(
            AttestAgentRequest.newBuilder()
                .setChallengeResponse(answering.to(said.get(), csr))
                .build());
        said = call.next(options.callTimeout());
      }
      AttestAgentResponse answer =
          said.filter(AttestAgentResponse::hasResult)
              .orElseThrow(() -> Status.INTERNAL.withDescription("no result").asRuntimeException());
      call.complete();
      return held(
          pair.getPrivate(),
          KeepAgentSvidProcessor.chain(answer.getResult().getSvid().getCertChainList()),
          NODE);
    } finally {
      channel.shutdownNow();
    }
  }

  private Held renewNode() {
    KeyPair pair = MakeWorkloadKeysProcessor.newKey();
    return held(
        pair.getPrivate(),
        KeepAgentSvidProcessor.chain(
            AgentGrpc.newBlockingStub(asNode.orElseThrow())
                .withDeadlineAfter(options.callTimeout().toMillis(), TimeUnit.MILLISECONDS)
                .renewAgent(
                    RenewAgentRequest.newBuilder()
                        .setParams(AgentX509SVIDParams.newBuilder().setCsr(csr(pair)))
                        .build())
                .getSvid()
                .getCertChainList()),
        NODE);
  }

  private static ByteString csr(KeyPair pair) {
    Bytes csr = MakeWorkloadKeysProcessor.csr(pair);
    return ByteString.copyFrom(csr.toArray());
  }

  private Held held(PrivateKey key, List<java.security.cert.X509Certificate> chain, String entry) {
    if (chain.isEmpty()) {
      throw new RefusalException(ReasonCode.INTERNAL_ERROR, "the issuer sent no certificate");
    }
    Instant now = clock.instant();
    SvidFacts facts =
        new SvidFacts(
            entry, chain.get(0).getNotBefore().toInstant(), chain.get(0).getNotAfter().toInstant());
    return new Held(
        key,
        chain,
        entry,
        now,
        facts.expired(now)
            ? now.plus(WRONG_CLOCK)
            : facts.renewAt(now, ThreadLocalRandom.current().nextDouble()));
  }

  /** On disk, key and chain in one file, then in use. */
  private void keep(String name, Held made) {
    files.write(
        name + ".pem",
        "# " + made.entry() + "\n" + Pem.privateKey(made.key()) + Pem.certificates(made.chain()));
    held.put(name, made);
    show(name, made);
  }

  private void recall() {
    recall(NODE);
    options.roles().forEach(this::recall);
  }

  private void recall(String name) {
    try {
      Optional<String> text = files.read(name + ".pem");
      if (text.isEmpty()) {
        return;
      }
      String entry = text.get().lines().findFirst().orElse("").replaceFirst("^# ", "");
      PrivateKey key = Pem.privateKey("EC", text.get());
      Held kept =
          held(
              key,
              Pem.certificates(text.get().substring(text.get().indexOf("-----BEGIN CERTIFICATE"))),
              entry);
      if (clock.instant().isBefore(kept.notAfter())) {
        held.put(name, kept);
        show(name, kept);
      } else if (name.equals(NODE)) { // its key is of use
        kept = kept.renewedAt(Instant.MIN);
        held.put(name, kept);
        show(name, kept);
      }
    } catch (GeneralSecurityException | RuntimeException e) {
      LOG.warn("the kept identity {} is not used: {}", name, e.getMessage());
    }
  }

  private void showAll() {
    if (!timer.isShutdown()) {
      timer.execute(() -> held.forEach(this::show));
    }
  }

  private void show(String name, Held made) {
    List<java.security.cert.X509Certificate> authorities = bundles.authorities();
    if (!authorities.isEmpty()) {
      MaterialHolder holder =
          name.equals(NODE) ? node : holders.computeIfAbsent(name, role -> new MaterialHolder());
      holder.set(new X509Material(made.chain(), made.key(), authorities));
    }
  }

  @Override
  public void close() {
    timer.shutdownNow();
    asNode.ifPresent(ManagedChannel::shutdownNow);
  }
}
