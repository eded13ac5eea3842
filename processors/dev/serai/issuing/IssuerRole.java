package dev.serai.issuing;

import dev.serai.appraisal.EnrolledNodes;
import dev.serai.appraisal.EnrolmentBans;
import dev.serai.appraisal.NodeWatch;
import dev.serai.appraisal.StateReport;
import dev.serai.appraisal.Trusted;
import dev.serai.audit.Audit;
import dev.serai.breaker.BreakerPolicy;
import dev.serai.breaker.Breakers;
import dev.serai.claims.Privacy;
import dev.serai.flow.Timeline;
import dev.serai.location.DeviceKey;
import dev.serai.net.RoleIdentities;
import dev.serai.net.SwappableTls;
import dev.serai.net.TlsContexts;
import dev.serai.proto.serai.v1.ListNodesRequest;
import dev.serai.proto.serai.v1.NodeGrpc;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.serai.v1.ReportRequest;
import dev.serai.proto.serai.v1.ShowNodeRequest;
import dev.serai.proto.serai.v1.VerdictsGrpc;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.AttestAgentRequest;
import dev.serai.proto.spire.agent.v1.BanAgentRequest;
import dev.serai.proto.spire.agent.v1.CountAgentsRequest;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.proto.spire.agent.v1.DeleteAgentRequest;
import dev.serai.proto.spire.agent.v1.GetAgentRequest;
import dev.serai.proto.spire.agent.v1.ListAgentsRequest;
import dev.serai.proto.spire.agent.v1.PostStatusRequest;
import dev.serai.proto.spire.agent.v1.RenewAgentRequest;
import dev.serai.proto.spire.bundle.v1.BundleGrpc;
import dev.serai.proto.spire.bundle.v1.GetBundleRequest;
import dev.serai.proto.spire.bundle.v1.GetFederatedBundleRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchDeleteEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchUpdateEntryRequest;
import dev.serai.proto.spire.entry.v1.CountEntriesRequest;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.entry.v1.GetAuthorizedEntriesRequest;
import dev.serai.proto.spire.entry.v1.GetEntryRequest;
import dev.serai.proto.spire.entry.v1.ListEntriesRequest;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDRequest;
import dev.serai.proto.spire.svid.v1.NewJWTSVIDRequest;
import dev.serai.proto.spire.svid.v1.SVIDGrpc;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RateLimits;
import dev.serai.role.Reloadable;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.role.RoleHealth;
import dev.serai.role.Settings;
import dev.serai.rpc.RpcComponent;
import dev.serai.rpc.RpcServer;
import dev.serai.rpc.SocketAccess;
import dev.serai.signing.Signatures;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.Database;
import dev.serai.tpm.Bytes;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The issuer's wiring. */
public final class IssuerRole implements Role {
  private static final Logger LOG = LoggerFactory.getLogger(IssuerRole.class);
  private static final Duration SHORTEST_LIFE = Duration.ofSeconds(5);
  private static final Duration KEEP_EXPIRED_AUTHORITIES = Duration.ofHours(24);
  private static final Duration KEEP_EXPIRED_NODES = Duration.ofDays(7);

  @Override
  public String name() {
    return "issuer";
  }

  @Override
  public void bind(RoleContext context) {
    Settings settings = context.settings();
    InstantSource clock = context.clock();
    Database database = context.database();
    Audit audit = Audit.of(context);
    Signatures signatures = Signatures.fastest();
    TrustDomain trustDomain = TrustDomain.parse(settings.text("serai.trust-domain"));
    Duration agentLife = life(settings, "serai.issuer.agent-ttl");
    Duration svidLife = life(settings, "serai.issuer.svid-ttl");
    Duration jwtLife = life(settings, "serai.issuer.jwt-svid-ttl");
    RotationSchedule schedule =
        new RotationSchedule(life(settings, "serai.issuer.ca-ttl"), KEEP_EXPIRED_AUTHORITIES);

    warnOfLongLives(schedule, agentLife, svidLife, jwtLife);

    Authority authority =
        Authority.open(
            trustDomain,
            database,
            audit,
            new KeyFiles(context.stateDir().resolve("issuer/keys")),
            signatures,
            schedule,
            clock);
    SvidMinter minter = new SvidMinter(authority, clock);
    ChangeFeed feed = new ChangeFeed(clock);
    EntryStore entries = new EntryStore(trustDomain, database, audit, feed, clock);
    NodeStore nodes =
        new NodeStore(
            database, audit, feed, clock, neighbour(context, "nodeBans", EnrolmentBans.class));
    boolean unifiedIdentity = settings.flag("serai.feature.unified-identity");
    NodeGate gate = new NodeGate(nodes, clock, unifiedIdentity);
    ClaimsComposer claims = claims(context);
    BundleFile bundleFile = new BundleFile(authority, bundleFiles(context));
    bundleFile.write();
    LocalRoleIdentities identities =
        new LocalRoleIdentities(
            trustDomain, authority, minter, audit, svidLife, clock, context.meters());
    authority.onChange(bundleFile::write);
    authority.onChange(identities::renewDue);
    authority.onChange(feed::bundleChanged);

    RateLimits attesting =
        new RateLimits(
            "attestations",
            settings.integer("serai.issuer.limit.attest"),
            settings.integer("serai.issuer.limit.attest-burst"),
            clock);
    RateLimits signing = limit(settings, "signatures", "serai.issuer.limit.sign", clock);
    RateLimits signingJwts = limit(settings, "JWT signatures", "serai.issuer.limit.sign", clock);
    RateLimits reporting = limit(settings, "status reports", "serai.issuer.limit.status", clock);

    context.onReload(fresh -> limits(fresh, attesting, signing, signingJwts, reporting));

    IssuerMeters.bind(context.meters(), authority, entries.index());
    context.bind("roleIdentities", identities);
    bindServer(context, trustDomain, identities);
    context.bind(
        "authorizeCaller",
        new AuthorizeCallerProcessor(new CallerPolicy(trustDomain, authority, gate)));

    Challenges challenges =
        new Challenges(database, settings.duration("serai.issuer.challenge-ttl"), clock);
    JoinTokens tokens = new JoinTokens(database, audit, clock);
    AttestationOpening opening = new AttestationOpening(signatures, attesting, unifiedIdentity);
    RoleProofs roles =
        new RoleProofs(
            challenges,
            nodes,
            entries.index(),
            minter,
            signatures,
            new RoleProofs.Lives(agentLife, settings.duration("serai.issuer.role-grace")),
            clock,
            context.meters());
    bindAttestation(
        context,
        opening,
        new Attestation(
            trustDomain,
            challenges,
            tokens,
            nodes,
            minter,
            PcrSetting.parse(settings.text("serai.issuer.challenge-pcrs")),
            settings.flag("serai.issuer.challenge-location"),
            claims,
            agentLife,
            clock,
            context.meters()));
    bindRoleProofs(context, roles);
    bindVerifierHop(context, trustDomain, identities);
    bindAgentCalls(
        context,
        authority,
        new AgentLifecycle(nodes, minter, opening, agentLife, signing, reporting, context.meters()),
        new EntrySync(entries.index(), clock),
        new SvidIssuance(
            entries.index(),
            minter,
            claims,
            audit,
            signatures,
            signing,
            svidLife,
            clock,
            context.meters()),
        new JwtSvidIssuance(
            entries.index(),
            new JwtSvidMinter(authority, clock),
            claims,
            audit,
            signingJwts,
            jwtLife,
            clock,
            context.meters()));
    context.bind("watchNode", new WatchNodeProcessor(new AgentWatches(feed, gate)));
    bindVerdicts(context, new VerdictReports(nodes));
    bindEntryAdministration(context, new EntryAdministration(entries));
    NodeAdministration admin =
        bindNodeAdministration(
            context, nodes, new AgentAdministration(trustDomain, nodes, tokens, entries));
    context.bind("roleView-issuer", new IssuerView(admin, authority, identities));

    bindAction(context, "rotateAuthority", authority::rotate);
    bindAction(context, "writeTrustBundle", bundleFile::write);
    bindAction(context, "renewRoleIdentities", identities::renewDue);
    bindAction(context, "pruneEntries", entries::prune);
    bindAction(
        context,
        "pruneNodes",
        () -> nodes.prune(clock.instant().minus(KEEP_EXPIRED_NODES), roles::isRoleProcess));
    bindAction(context, "pruneJoinTokens", tokens::prune);
    bindAction(context, "pruneChallenges", challenges::prune);
    context.bind(
        "roleHealth-issuer", (RoleHealth) () -> standing(authority).with("audit", audit.fact()));
  }

  private static ClaimsComposer claims(RoleContext context) {
    Settings settings = context.settings();
    Privacy privacy =
        Privacy.of(settings.text("serai.privacy"))
            .orElseThrow(
                () ->
                    new RefusalException(
                        ReasonCode.CONFIGURATION_INVALID,
                        "serai.privacy is neither strict nor compat"));
    if (privacy == Privacy.COMPAT) {
      LOG.warn(
          "serai.privacy=compat: certificates name IMEI, IMSI, phone number and coordinates"
              + " to everybody who sees them");
    }
    ClaimsComposer claims =
        new ClaimsComposer(
            privacy,
            DeviceKey.in(context.stateDir().resolve("devices/issuer.key")),
            entryRules(settings));
    context.onReload(
        fresh -> {
          EntryLocationRules changed = entryRules(fresh);
          return new Reloadable.Change(claims.news(changed), () -> claims.use(changed));
        });
    return claims;
  }

  private static EntryLocationRules entryRules(Settings settings) {
    return settings
        .optionalText("serai.issuer.location-rules")
        .map(EntryLocationRules::load)
        .orElse(EntryLocationRules.NONE);
  }

  private static Reloadable.Change limits(
      Settings fresh,
      RateLimits attesting,
      RateLimits signing,
      RateLimits signingJwts,
      RateLimits reporting) {
    int attest = fresh.integer("serai.issuer.limit.attest");
    int burst = fresh.integer("serai.issuer.limit.attest-burst");
    int sign = fresh.integer("serai.issuer.limit.sign");
    int status = fresh.integer("serai.issuer.limit.status");
    return Reloadable.Change.of(
        () -> {
          attesting.use(attest, burst);
          signing.use(sign, sign);
          signingJwts.use(sign, sign);
          reporting.use(status, status);
        });
  }

  private static void warnOfLongLives(RotationSchedule schedule, Duration... lives) {
    for (Duration life : lives) {
      if (life.compareTo(schedule.longestDocument()) > 0) {
        LOG.warn(
            "documents of {} outlive a sixth of serai.issuer.ca-ttl; rotation cuts some short",
            life);
      }
    }
  }

  private static void bindServer(
      RoleContext context, TrustDomain trustDomain, RoleIdentities identities) {
    Settings settings = context.settings();
    RpcServer server =
        RpcServer.builder("issuer")
            .service(AgentGrpc.getServiceDescriptor())
            .service(BundleGrpc.getServiceDescriptor())
            .service(EntryGrpc.getServiceDescriptor())
            .service(SVIDGrpc.getServiceDescriptor())
            .service(NodeGrpc.getServiceDescriptor())
            .service(VerdictsGrpc.getServiceDescriptor())
            .service(NodesGrpc.getServiceDescriptor())
            .tls(
                settings.text("serai.issuer.host"),
                settings.integer("serai.issuer.port"),
                TlsContexts.server(
                    identities.forRole(LocalRoleIdentities.ISSUER_ROLE),
                    id -> id.isMemberOf(trustDomain)))
            .unix(Path.of(settings.text("serai.issuer.admin-socket")), SocketAccess.OWNER)
            .onRefusal(IssuerMeters.refusedAttestations(context.meters()))
            .build();
    RpcComponent.addTo(context.camel());
    context.bind("rpcServer-issuer", server);
    context.onStop(server);
  }

  private static void bindAttestation(
      RoleContext context, AttestationOpening opening, Attestation attestation) {
    IssuerEvents events = new IssuerEvents(Timeline.of(context));
    context.bind("readAttestation", new ReadAttestationProcessor(opening));
    context.bind(
        "refuseUnknownAttestationStep",
        new ActionProcessor(
            () -> {
              throw new RefusalException(
                  ReasonCode.MALFORMED_REQUEST, "the message does not fit the conversation");
            }));
    context.bind(
        "challengeNode",
        new ConversationProcessor<>(
            AttestAgentRequest.class, (open, request) -> attestation.challenge(open)));
    context.bind(
        "consumeNonce",
        new ConversationProcessor<>(
            AttestAgentRequest.class,
            (open, request) ->
                attestation.consumeNonce(
                    open, Bytes.copyOf(request.getChallengeResponse().toByteArray()))));
    context.bind(
        "issueAgentSvid", new ConversationProcessor<>(Trusted.class, attestation::issueTrusted));
    context.bind("refuseVerdict", new RefuseVerdictProcessor(attestation, events));
    context.bind(
        "redeemJoinToken",
        new ConversationProcessor<>(
            AttestAgentRequest.class, (open, request) -> attestation.issueForToken(open)));
    context.bind(
        "recordNode",
        new BodyProcessor<>(
            Attestation.Issued.class,
            issued -> {
              attestation.record(issued);
              events.admitted(issued);
              return issued;
            }));
    context.bind("answerAttestation", new AnswerAttestationProcessor(attestation));
  }

  private static void bindRoleProofs(RoleContext context, RoleProofs roles) {
    IssuerEvents events = new IssuerEvents(Timeline.of(context));
    context.bind(
        "checkRoleProof",
        new ConversationProcessor<>(
            AttestAgentRequest.class,
            (open, request) ->
                roles.check(open, Bytes.copyOf(request.getChallengeResponse().toByteArray()))));
    context.bind(
        "recordRole",
        new BodyProcessor<>(
            RoleProofs.Proven.class,
            proven -> {
              Attestation.Issued issued = roles.record(proven);
              events.cameBack();
              return issued;
            }));
  }

  private static void bindVerifierHop(
      RoleContext context, TrustDomain trustDomain, RoleIdentities identities) {
    context.bind(
        "issuerTls",
        SwappableTls.client(
            identities.forRole(LocalRoleIdentities.ISSUER_ROLE),
            trustDomain.withPath("/serai/verifier")::equals));
    context.bind("writeAppraisalRequest", new WriteAppraisalRequestProcessor());
    context.bind(
        "verifierBreaker",
        new BreakerPolicy(
            Breakers.of(context).of(Breakers.Kind.PROVIDER, "verifier"),
            ReasonCode.PEER_UNAVAILABLE,
            WriteAppraisalRequestProcessor.DEADLINE));
    context.bind("readAppraisalVerdict", new ReadVerdictProcessor());
  }

  private static void bindAgentCalls(
      RoleContext context,
      Authority authority,
      AgentLifecycle lifecycle,
      EntrySync sync,
      SvidIssuance issuance,
      JwtSvidIssuance jwtIssuance) {
    BundleService bundles = new BundleService(authority);
    context.bind(
        "readBundle", new CallProcessor<>(Caller.class, GetBundleRequest.class, bundles::get));
    context.bind(
        "readFederatedBundle",
        new CallProcessor<>(Caller.class, GetFederatedBundleRequest.class, bundles::getFederated));
    context.bind(
        "renewAgentSvid",
        new CallProcessor<>(Caller.Agent.class, RenewAgentRequest.class, lifecycle::renew));
    context.bind(
        "keepAgentStatus",
        new CallProcessor<>(Caller.Agent.class, PostStatusRequest.class, lifecycle::postStatus));
    context.bind(
        "readAuthorizedEntries",
        new CallProcessor<>(Caller.Agent.class, GetAuthorizedEntriesRequest.class, sync::all));
    context.bind("syncEntries", new SyncEntriesProcessor(sync));
    context.bind(
        "signSvids",
        new CallProcessor<>(Caller.Agent.class, BatchNewX509SVIDRequest.class, issuance::batch));
    context.bind(
        "signJwtSvid",
        new CallProcessor<>(Caller.Agent.class, NewJWTSVIDRequest.class, jwtIssuance::issue));
  }

  private static void bindVerdicts(RoleContext context, VerdictReports reports) {
    context.bind(
        "readVerdictReport",
        new CallProcessor<>(Caller.RoleProcess.class, ReportRequest.class, reports::read));
    IssuerEvents events = new IssuerEvents(Timeline.of(context));
    context.bind(
        "applyNodeStanding",
        new BodyProcessor<>(StateReport.class, report -> events.applied(reports.apply(report))));
    context.bind("answerVerdictReport", new BodyProcessor<>(StateReport.class, reports::answer));
  }

  private static void bindEntryAdministration(RoleContext context, EntryAdministration entries) {
    context.bind(
        "countEntries",
        new CallProcessor<>(Caller.Local.class, CountEntriesRequest.class, entries::count));
    context.bind(
        "readEntries",
        new CallProcessor<>(Caller.Local.class, ListEntriesRequest.class, entries::list));
    context.bind(
        "readEntry", new CallProcessor<>(Caller.Local.class, GetEntryRequest.class, entries::get));
    context.bind(
        "makeEntries",
        new CallProcessor<>(Caller.Local.class, BatchCreateEntryRequest.class, entries::create));
    context.bind(
        "changeEntries",
        new CallProcessor<>(Caller.Local.class, BatchUpdateEntryRequest.class, entries::update));
    context.bind(
        "removeEntries",
        new CallProcessor<>(Caller.Local.class, BatchDeleteEntryRequest.class, entries::delete));
  }

  private static NodeAdministration bindNodeAdministration(
      RoleContext context, NodeStore nodes, AgentAdministration agents) {
    context.bind(
        "readAgents",
        new CallProcessor<>(Caller.Local.class, ListAgentsRequest.class, agents::list));
    context.bind(
        "countAttestedAgents",
        new CallProcessor<>(Caller.Local.class, CountAgentsRequest.class, agents::count));
    context.bind(
        "readAgent", new CallProcessor<>(Caller.Local.class, GetAgentRequest.class, agents::get));
    context.bind(
        "banAttestedAgent",
        new CallProcessor<>(Caller.Local.class, BanAgentRequest.class, agents::ban));
    context.bind(
        "evictAttestedAgent",
        new CallProcessor<>(Caller.Local.class, DeleteAgentRequest.class, agents::delete));
    context.bind(
        "makeJoinToken",
        new CallProcessor<>(
            Caller.Local.class, CreateJoinTokenRequest.class, agents::createJoinToken));

    NodeAdministration admin =
        new NodeAdministration(
            nodes,
            agents,
            neighbour(context, "enrolledNodes", EnrolledNodes.class),
            neighbour(context, "nodeWatch", NodeWatch.class),
            Breakers.of(context));
    context.bind(
        "adminListNodes",
        new CallProcessor<>(Caller.Local.class, ListNodesRequest.class, admin::list));
    context.bind(
        "adminShowNode",
        new CallProcessor<>(Caller.Local.class, ShowNodeRequest.class, admin::show));
    IssuerEvents events = new IssuerEvents(Timeline.of(context));
    context.bind(
        "adminBanNode",
        new CallProcessor<>(
            Caller.Local.class, ShowNodeRequest.class, events.acting("BAN", admin::ban)));
    context.bind(
        "adminUnbanNode",
        new CallProcessor<>(
            Caller.Local.class, ShowNodeRequest.class, events.acting("UNBAN", admin::unban)));
    context.bind(
        "adminEvictNode",
        new CallProcessor<>(
            Caller.Local.class, ShowNodeRequest.class, events.acting("EVICT", admin::evict)));
    return admin;
  }

  /** Another role's bean, which may be bound later or never. */
  private static <T> Supplier<Optional<T>> neighbour(
      RoleContext context, String name, Class<T> type) {
    return () -> Optional.ofNullable(context.camel().getRegistry().lookupByNameAndType(name, type));
  }

  private static void bindAction(RoleContext context, String name, Runnable action) {
    context.bind(name, new ActionProcessor(action));
  }

  private static Set<Path> bundleFiles(RoleContext context) {
    Set<Path> files = new HashSet<>();
    files.add(context.stateDir().resolve("bundle.pem").toAbsolutePath());
    if (context.roles().contains("agent")) {
      context
          .settings()
          .optionalText("serai.agent.trust-bundle")
          .ifPresent(file -> files.add(Path.of(file).toAbsolutePath()));
    }
    return files;
  }

  private static RateLimits limit(Settings settings, String what, String key, InstantSource clock) {
    int perSecond = settings.integer(key);
    return new RateLimits(what, perSecond, perSecond, clock);
  }

  private static Duration life(Settings settings, String key) {
    Duration life = settings.duration(key);
    if (life.compareTo(SHORTEST_LIFE) < 0) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID, key + " is shorter than " + SHORTEST_LIFE);
    }
    return life;
  }

  private static RoleHealth.Standing standing(Authority authority) {
    try {
      return RoleHealth.Standing.ready("ISSUING")
          .with("authority", authority.active().id())
          .with("authority-until", authority.active().notAfter().toString())
          .with("jwt-authority", authority.activeJwt().keyId())
          .with("jwt-authority-until", authority.activeJwt().notAfter().toString())
          .with("bundle", Long.toString(authority.bundle().sequence()));
    } catch (RefusalException e) {
      Reason reason = e.reason();
      return RoleHealth.Standing.waiting("NO_AUTHORITY", reason);
    }
  }
}
