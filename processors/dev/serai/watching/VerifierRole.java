package dev.serai.watching;

import dev.serai.appraisal.AppraisalBeans;
import dev.serai.appraisal.KeylimeQuoteAppraiser;
import dev.serai.audit.Audit;
import dev.serai.breaker.BreakerPolicy;
import dev.serai.breaker.Breakers;
import dev.serai.claims.Privacy;
import dev.serai.flow.Timeline;
import dev.serai.http.GuardedListener;
import dev.serai.http.HttpGet;
import dev.serai.http.WriteHttpAnswerProcessor;
import dev.serai.net.LateIdentity;
import dev.serai.net.MaterialSource;
import dev.serai.net.RoleIdentities;
import dev.serai.net.SpiffeChannels;
import dev.serai.net.SwappableTls;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Reloadable;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.role.RoleHealth;
import dev.serai.role.Settings;
import dev.serai.role.TraceId;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import io.grpc.ManagedChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.URI;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;

/** Wires the verifier: the judging of evidence, and the watch over nodes that were trusted. */
public final class VerifierRole implements Role {
  private static final int WORKERS = 4;

  /** Measurement logs that travel with quotes, of all nodes that answer at the same time. */
  private static final long LONG_ANSWERS_BYTES = 64L << 20;

  @Override
  public String name() {
    return "verifier";
  }

  @Override
  public void bind(RoleContext context) {
    WatchSettings settings = WatchSettings.of(context.settings());
    InstantSource clock = context.clock();
    StoredBaselines baselines = new StoredBaselines(context.database());
    StoredLocations locations = new StoredLocations(context.database());
    KeylimeQuoteAppraiser appraiser = AppraisalBeans.bind(context, baselines, locations);

    Audit audit = Audit.of(context);
    PolicyRecord.keep(audit, context.settings().optionalText("serai.verifier.policy"));
    WatchStore store = new WatchStore(context.database(), audit, TraceId.random());
    WatchRules rules = new WatchRules(settings, () -> ThreadLocalRandom.current().nextDouble());
    context.onReload(
        fresh -> {
          WatchSettings changed = WatchSettings.of(fresh);
          Optional<String> policy = fresh.optionalText("serai.verifier.policy");
          return new Reloadable.Change(
              Optional.empty(),
              () -> PolicyRecord.keepChange(audit, policy),
              () -> rules.use(changed));
        });
    WatchFlight flight = new WatchFlight(settings.inFlight(), settings.lease());
    Breakers breakers = Breakers.of(context);
    Timeline timeline = Timeline.of(context);
    WatchSettlement settlement =
        new WatchSettlement(
            store, rules, flight, breakers, clock, new VerdictCounts(context.meters()), timeline);
    LateIdentity identity = identity(context);
    HttpGet http = new HttpGet("verifier-ask", LONG_ANSWERS_BYTES);
    context.onStop(http);
    ExecutorService workers = workers(context.settings());
    context.onStop(workers::shutdownNow);

    bindWatch(context, settings, store, audit, rules, flight, settlement);
    context.bind("makeQuoteRequest", new MakeQuoteRequestProcessor(appraiser::selection));
    context.bind("nodeBreakerPolicy", new NodeBreakerPolicy(breakers));
    QuoteFetcher fetcher = new QuoteFetcher(http, settings, () -> shown(identity), context.camel());
    context.bind("fetchQuote", new FetchQuoteProcessor(fetcher, workers, context.meters()));
    context.bind("askLocation", new AskLocationProcessor(fetcher, workers, clock));
    context.bind(
        "appraiseQuote", new AppraiseQuoteProcessor(appraiser, baselines, locations, clock));
    StoredWatch watch = new StoredWatch(store, breakers);
    context.bind("nodeWatch", watch);
    context.bind("roleView-verifier", new VerifierView(watch));
    context.bind(
        "roleHealth-verifier",
        (RoleHealth) () -> standing(appraiser, missing(context)).with("audit", audit.fact()));
    WatchMeters.bind(context.meters(), store, flight, clock);
    bindListener(context, store, identity);
    bindEvidence(context, appraiser);
    bindHops(context, http, identity, workers);
  }

  /**
   * Judging threads. What they are handed is bounded before: by the questions in flight and by the
   * listener's connections; there is a place for each of these.
   */
  private static ExecutorService workers(Settings settings) {
    int places =
        settings.integer("serai.verifier.quotes-in-flight")
            + settings.integer("serai.verifier.max-connections");
    return new ThreadPoolExecutor(
        WORKERS,
        WORKERS,
        0,
        TimeUnit.SECONDS,
        new ArrayBlockingQueue<>(places),
        new DefaultThreadFactory("verifier-judge", true),
        new ThreadPoolExecutor.CallerRunsPolicy());
  }

  private static RoleHealth.Standing standing(
      KeylimeQuoteAppraiser appraiser, Optional<Reason> noIdentity) {
    if (appraiser.selection().isEmpty()) {
      return RoleHealth.Standing.waiting(
          "NO_POLICY", new Reason(ReasonCode.POLICY_MISSING, "serai.verifier.policy is not set"));
    }
    return noIdentity
        .map(reason -> RoleHealth.Standing.waiting("NO_IDENTITY", reason))
        .orElseGet(() -> RoleHealth.Standing.ready("WATCHING"));
  }

  /** Without one nobody hears its verdicts, and no registrar tells it of nodes. */
  private static Optional<Reason> missing(RoleContext context) {
    return identities(context).flatMap(identities -> identities.missing("verifier"));
  }

  private static LateIdentity identity(RoleContext context) {
    return new LateIdentity(() -> identities(context), "verifier");
  }

  private static Optional<RoleIdentities> identities(RoleContext context) {
    return Optional.ofNullable(
        context.camel().getRegistry().lookupByNameAndType("roleIdentities", RoleIdentities.class));
  }

  /** An agent that asks for no certificate is asked also before the role has one. */
  private static Optional<MaterialSource> shown(LateIdentity identity) {
    return Optional.of(identity);
  }

  private static void bindWatch(
      RoleContext context,
      WatchSettings settings,
      WatchStore store,
      Audit audit,
      WatchRules rules,
      WatchFlight flight,
      WatchSettlement settlement) {
    InstantSource clock = context.clock();
    context.bind("expireProofs", new ExpireProofsProcessor(store, rules, clock));
    context.bind("takeDueNodes", new TakeDueNodesProcessor(store, flight, settings, clock));
    context.bind("beginWatch", new BeginWatchProcessor(settlement));
    context.bind("recordVerdict", new RecordVerdictProcessor(settlement));
    context.bind("recordAttested", new RecordAttestedProcessor(store, audit, rules, clock));
    context.bind("takeDueReports", new TakeDueReportsProcessor(store, clock));
    context.bind("openReport", new OpenReportProcessor(store, clock));
    context.bind("confirmReport", new ConfirmReportProcessor(store));
  }

  private static void bindListener(RoleContext context, WatchStore store, LateIdentity identity) {
    Settings settings = context.settings();
    Set<SpiffeId> issuers = ids(settings, List.of("/spire/server"));
    Set<SpiffeId> administrators = ids(settings, settings.list("serai.verifier.administrators"));
    Set<SpiffeId> known = new HashSet<>(issuers);
    known.addAll(administrators);
    Set<SpiffeId> evidenceCallers = ids(settings, settings.list("serai.verifier.evidence-callers"));
    known.addAll(evidenceCallers);
    context.bind("verifierTls", SwappableTls.server(identity, known::contains));
    context.bind(
        "verifierHttpsListener",
        GuardedListener.askingForCertificate(
            settings.integer("serai.verifier.max-connections"),
            settings.duration("serai.verifier.idle-timeout")));
    context.bind(
        "readVerifierCall",
        new ReadVerifierCallProcessor(issuers, administrators, evidenceCallers));
    context.bind("readAppraisal", new ReadAppraisalProcessor(unifiedIdentity(settings)));
    context.bind("answerVerdict", new AnswerVerdictProcessor());
    context.bind("answerVerifierVersions", new AnswerVerifierVersionsProcessor());
    context.bind("listWatchedNodes", new ListWatchedNodesProcessor(store));
    context.bind("refuseUnknownVerifierOperation", new RefuseUnknownVerifierOperationProcessor());
    context.bind("writeHttpAnswer", new WriteHttpAnswerProcessor());
  }

  /** The prototype's interface: evidence of nodes whose SPIRE server is not ours. */
  private static void bindEvidence(RoleContext context, KeylimeQuoteAppraiser appraiser) {
    EvidenceNonces nonces =
        new EvidenceNonces(
            context.settings().duration("serai.verifier.nonce-ttl"), context.clock());
    boolean on = unifiedIdentity(context.settings());
    context.bind("giveNonce", new GiveNonceProcessor(nonces, appraiser::selection, on));
    context.bind("readEvidence", new ReadEvidenceProcessor(nonces, appraiser::selection, on));
    context.bind("beginGathering", new BeginGatheringProcessor());
    context.bind(
        "takeGatheredQuote",
        new TakeGatheredQuoteProcessor(request -> appraiser.locationRule(request.node())));
    context.bind("endGathering", new EndGatheringProcessor());
    Privacy privacy = Privacy.of(context.settings().text("serai.privacy")).orElse(Privacy.STRICT);
    context.bind(
        "answerEvidence",
        new AnswerEvidenceProcessor(context.clock(), new EvidenceClaims(privacy)));
  }

  private static boolean unifiedIdentity(Settings settings) {
    return settings.flag("serai.feature.unified-identity");
  }

  private static void bindHops(
      RoleContext context, HttpGet http, LateIdentity identity, ExecutorService workers) {
    Settings settings = context.settings();
    SpiffeId registrar = id(settings, "/serai/registrar");
    SpiffeId issuer = id(settings, "/spire/server");
    SSLContext toRegistrar =
        SwappableTls.client(identity, registrar::equals).createSSLContext(context.camel());
    URI registrarUri = URI.create(settings.text("serai.verifier.registrar"));
    if (!"https".equals(registrarUri.getScheme())
        || registrarUri.getHost() == null
        || registrarUri.getPort() < 0) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID,
          "serai.verifier.registrar is not https://host:port: " + registrarUri);
    }
    context.bind(
        "askRegistrar", new AskRegistrarProcessor(http, registrarUri, toRegistrar, workers));
    String[] issuerAt = settings.text("serai.verifier.issuer").split(":", 2);
    if (issuerAt.length != 2 || !issuerAt[1].matches("[0-9]{1,5}")) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID, "serai.verifier.issuer is not host:port");
    }
    ManagedChannel channel =
        SpiffeChannels.tls(issuerAt[0], Integer.parseInt(issuerAt[1]), identity, issuer);
    context.onStop(channel::shutdownNow);
    context.bind("tellIssuer", new TellIssuerProcessor(channel));
    Breakers breakers = Breakers.of(context);
    context.bind(
        "verifierSensorTls", SwappableTls.client(identity, id(settings, "/serai/sensor")::equals));
    context.bind("writeSensorQuestion", new WriteSensorQuestionProcessor());
    context.bind("readSensorAnswer", new ReadSensorAnswerProcessor());
    context.bind(
        "sensorBreaker",
        new BreakerPolicy(
            breakers.of(Breakers.Kind.PROVIDER, "sensor"),
            ReasonCode.PEER_UNAVAILABLE,
            WriteSensorQuestionProcessor.DEADLINE));
    context.bind(
        "registrarBreaker",
        new BreakerPolicy(
            breakers.of(Breakers.Kind.PROVIDER, "registrar"),
            ReasonCode.REGISTRAR_UNREACHABLE,
            AskRegistrarProcessor.DEADLINE));
    context.bind(
        "issuerBreaker",
        new BreakerPolicy(
            breakers.of(Breakers.Kind.PROVIDER, "issuer"),
            ReasonCode.ISSUER_UNREACHABLE,
            TellIssuerProcessor.DEADLINE));
  }

  private static Set<SpiffeId> ids(Settings settings, List<String> paths) {
    Set<SpiffeId> ids = new HashSet<>();
    paths.forEach(path -> ids.add(id(settings, path)));
    return ids;
  }

  private static SpiffeId id(Settings settings, String path) {
    return TrustDomain.parse(settings.text("serai.trust-domain")).withPath(path);
  }
}
