package dev.serai.agent;

import dev.serai.audit.CheckpointSigner;
import dev.serai.flow.Timeline;
import dev.serai.http.GuardedListener;
import dev.serai.http.WriteHttpAnswerProcessor;
import dev.serai.location.sensor.LocationSensors;
import dev.serai.location.sensor.SensorSettings;
import dev.serai.net.SpiffeTrustManager;
import dev.serai.net.SwappableTls;
import dev.serai.plugin.PluginBeans;
import dev.serai.role.Reloadable;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.jca.SeraiTpmProvider;
import dev.serai.tpm.jca.TpmPrivateKey;
import dev.serai.tpm.tss.TpmOptions;
import dev.serai.tpm.tss.TssTpm;
import dev.serai.workload.WorkloadBeans;
import dev.serai.workload.WorkloadIdentityCache;
import io.micrometer.core.instrument.MeterRegistry;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.DoubleSupplier;
import java.util.function.Function;
import javax.net.ssl.X509ExtendedTrustManager;
import org.apache.camel.CamelContext;
import org.apache.camel.ProducerTemplate;

/**
 * Wires the node agent. Nothing here waits for a TPM, a registrar or an issuer: the routes do, with
 * the state shown, while the Workload API socket is there from the start.
 */
public final class AgentRole implements Role {
  private static final String SYNC = "seda:sync-entries?size=1&discardWhenFull=true";

  private static final int API_CONNECTIONS = 128;
  private static final Duration API_SILENCE = Duration.ofSeconds(60);

  private static final Duration FIRST_LOOKS = Duration.ofMillis(250);
  private static final Duration LATER_LOOKS = Duration.ofSeconds(5);

  /** However short the period: a busy machine is not a stale agent. */
  private static final Duration LEAST_STALE = Duration.ofSeconds(30);

  private final Function<RoleContext, Tpm> tpms;

  /** With the TPM of this machine. */
  public AgentRole() {
    this(AgentRole::nativeTpm);
  }

  /** With another TPM, for tests. */
  AgentRole(Function<RoleContext, Tpm> tpms) {
    this.tpms = tpms;
  }

  @Override
  public String name() {
    return "agent";
  }

  @Override
  public void bind(RoleContext context) {
    AgentSettings settings = AgentSettings.of(context.settings(), context.stateDir());
    InstantSource clock = context.clock();
    DoubleSupplier dice = () -> ThreadLocalRandom.current().nextDouble();
    Tpm tpm = tpms.apply(context);
    context.onStop(tpm);
    SeraiTpmProvider.install();
    context.bind("tpm", tpm);
    context.bind(CheckpointSigner.BEAN, new TpmCheckpointSigner(tpm, settings.ak()));

    AgentFiles files = new AgentFiles(context.stateDir().resolve("agent"));
    AgentStatus status = new AgentStatus(settings.pace(), clock, dice);
    status.meter(context.meters());
    status.onChange(new AgentEvents(Timeline.of(context), status));
    context.bind("agentStatus", status);
    context.bind("chooseAgentAction", new AgentDriver(status, clock));

    SoftwareKeys keys = new SoftwareKeys(files);
    SoftwareKeys.Server server = keys.server(clock.instant(), settings.contactHost());
    AgentSelf self = new AgentSelf();
    bindEnrolment(context, settings, tpm, files, status, self, server);

    TrustDomain trustDomain = TrustDomain.parse(settings.trustDomain());
    TrustBundles bundles = new TrustBundles(files, settings.trustBundle());
    AgentIdentity identity =
        new AgentIdentity(
            files,
            bundles,
            trustDomain,
            key -> TpmPrivateKey.of(tpm, key.key(), key.publicArea().publicKey()));
    QuoteMaker quotes = new QuoteMaker(tpm, settings.ak(), context.meters());
    Issuer issuer = new Issuer(settings, bundles, identity, status);
    context.onStop(issuer);
    LocationSensors sensors = SensorSettings.sensors(context.settings(), clock, context.meters());
    context.bind("addLocation", new AddLocationProcessor(sensors));
    bindAttestation(context, settings, tpm, files, self, identity, quotes, issuer);
    bindSync(context, settings, status, bundles, identity, issuer, dice);
    CertifyCallers callers = bindSovereign(context, tpm, self, sensors, trustDomain);
    bindApi(context, settings, self, keys, server, quotes, bundles, trustDomain, callers);
  }

  private static void bindEnrolment(
      RoleContext context,
      AgentSettings settings,
      Tpm tpm,
      AgentFiles files,
      AgentStatus status,
      AgentSelf self,
      SoftwareKeys.Server server) {
    context.bind("watchTpm", new WatchTpmProcessor(tpm, status, context.meters()));
    context.bind("readTpmIdentity", new ReadTpmIdentityProcessor(tpm, settings));
    context.bind(
        "recallEnrolment", new RecallEnrolmentProcessor(self, status, files, settings, server));
    context.bind("askRegistrarVersion", new AskRegistrarVersionProcessor());
    context.bind("describeNode", new DescribeNodeProcessor(self, settings, server));
    context.bind("readCredential", new ReadCredentialProcessor(self));
    context.bind("proveActivation", new ProveActivationProcessor(self));
    context.bind("keepEnrolment", new KeepEnrolmentProcessor(self, files, settings, server));
  }

  private static void bindAttestation(
      RoleContext context,
      AgentSettings settings,
      Tpm tpm,
      AgentFiles files,
      AgentSelf self,
      AgentIdentity identity,
      QuoteMaker quotes,
      Issuer issuer) {
    AppKeyStore store = new AppKeyStore(tpm, files, settings.appKey());
    context.bind("loadAppKey", new LoadAppKeyProcessor(store, self));
    context.bind("recallAgentSvid", new RecallAgentSvidProcessor(identity, context.clock()));
    context.bind(
        "beginAttestation",
        new BeginAttestationProcessor(issuer, self, new AppKeySigner(tpm), settings));
    context.bind("askCertify", new AskCertifyProcessor(self));
    context.bind("keepCertify", new KeepCertifyProcessor());
    context.bind("quotePlatform", new QuotePlatformProcessor(quotes));
    context.bind("answerChallenge", new AnswerChallengeProcessor(self, settings));
    context.bind("keepAgentSvid", new KeepAgentSvidProcessor(identity));
  }

  private static void bindSync(
      RoleContext context,
      AgentSettings settings,
      AgentStatus status,
      TrustBundles bundles,
      AgentIdentity identity,
      Issuer issuer,
      DoubleSupplier dice) {
    CamelContext camel = context.camel();
    InstantSource clock = context.clock();
    TrustDomain trustDomain = TrustDomain.parse(settings.trustDomain());
    JwtSvidCache jwtSvids =
        new JwtSvidCache(
            new AskJwtSvid(issuer, clock), settings.callTimeout(), clock, context.meters());
    WorkloadIdentityCache workloads = WorkloadBeans.bind(context, jwtSvids);
    WorkloadSvids svids = new WorkloadSvids();
    Runnable syncNow = syncNow(camel);
    IdentityPublisher publisher =
        new IdentityPublisher(
            svids, identity, new WorkloadOutlet(workloads, trustDomain, jwtSvids), syncNow, clock);
    context.bind("workloadSvids", svids);
    bindHealth(context, status, bundles, svids);
    AgentMeters.bind(context.meters(), status, svids);
    context.bind("roleView-agent", new AgentView(status, svids));
    status.onChange(publisher);
    context.bind("beginSync", new BeginSyncProcessor(status, identity, svids, trustDomain));
    context.bind("fetchBundle", new FetchBundleProcessor(issuer, bundles, settings));
    IssuerWatch watch = new IssuerWatch(issuer, status, syncNow, clock, dice);
    context.onStop(watch);
    context.bind("keepIssuerWatch", watch);
    context.bind(
        "fetchEntries", new FetchEntriesProcessor(issuer, svids, settings, watch::issuerAnswered));
    context.bind("makeWorkloadKeys", new MakeWorkloadKeysProcessor(svids, clock));
    context.bind("requestSvids", new RequestSvidsProcessor(issuer, settings, clock, dice));
    context.bind("publishIdentities", new PublishIdentitiesProcessor(publisher));
    context.bind("dropEndedSvids", new DropEndedSvidsProcessor(publisher, status));
  }

  /** Puts a request into the queue of sync-entries; when one waits already, that one will do. */
  private static Runnable syncNow(CamelContext camel) {
    return () -> {
      if (camel.isStarted()) {
        ProducerTemplate template = Templates.of(camel);
        template.sendBody(SYNC, "");
      }
    };
  }

  /** Delegated certification, the plugin socket, and the location that peers ask for. */
  private static CertifyCallers bindSovereign(
      RoleContext context,
      Tpm tpm,
      AgentSelf self,
      LocationSensors sensors,
      TrustDomain trustDomain) {
    int perMinute = context.settings().integer("serai.agent.certify-per-minute");
    TokenBuckets limits = new TokenBuckets(perMinute / 60.0, perMinute);
    context.onReload(
        fresh -> {
          int now = fresh.integer("serai.agent.certify-per-minute");
          return Reloadable.Change.of(() -> limits.use(now / 60.0, now));
        });
    CertifyCallers callers =
        new CertifyCallers(
            context.settings().list("serai.agent.certify-allow"),
            trustDomain,
            limits,
            context.clock());
    context.bind("readCertifyRequest", new ReadCertifyRequestProcessor());
    context.bind(
        "beginCertifyAppKey", new BeginCertifyAppKeyProcessor(self, unifiedIdentity(context)));
    context.bind("endCertifyAppKey", new EndCertifyAppKeyProcessor(self));
    context.bind("answerCertified", new AnswerCertifiedProcessor());
    PluginBeans.bind(context, self::heldKey, callers::take);
    context.bind(
        "readLocation",
        new ReadLocationProcessor(
            sensors, context.settings().flag("serai.agent.location.pcr-extend")));
    context.bind("extendLocationPcr", new ExtendLocationPcrProcessor(tpm));
    context.bind("answerLocation", new AnswerLocationProcessor());
    return callers;
  }

  private static void bindApi(
      RoleContext context,
      AgentSettings settings,
      AgentSelf self,
      SoftwareKeys keys,
      SoftwareKeys.Server server,
      QuoteMaker quotes,
      TrustBundles bundles,
      TrustDomain trustDomain,
      CertifyCallers callers) {
    MeasurementLogs logs = new MeasurementLogs(settings.imaLog(), settings.eventLog());
    QuoteForKeylimeProcessor quote =
        new QuoteForKeylimeProcessor(quotes, self, keys.transport(), logs);
    context.bind("quoteIntegrity", quote);
    context.bind("quoteIdentity", quote);
    TokenBuckets limits = new TokenBuckets(settings.quotesPerSecond(), settings.quoteBurst());
    context.onReload(
        fresh -> {
          int perSecond = fresh.integer("serai.agent.quotes-per-second");
          int burst = fresh.integer("serai.agent.quote-burst");
          return Reloadable.Change.of(() -> limits.use(perSecond, burst));
        });
    context.bind(
        "readAgentRequest",
        new ReadAgentRequestProcessor(limits, callers, context.clock(), unifiedIdentity(context)));
    context.bind("answerVersion", new AnswerVersionProcessor());
    context.bind("describeAgent", new DescribeAgentProcessor(self));
    context.bind("refuseAgentRequest", new RefuseAgentRequestProcessor());
    context.bind("writeAgentAnswer", new WriteHttpAnswerProcessor());
    context.bind(
        "agentApiListener", GuardedListener.askingForCertificate(API_CONNECTIONS, API_SILENCE));
    context.bind(
        "agentApiTls",
        SwappableTls.pinned(
            List.of(server.certificate()),
            server.key(),
            new AgentApiTrust(bundles, trustDomain, settings.trustedClientCa())));
    context.bind("agentRegistrarSsl", isHttps(settings.registrar()));
    context.bind(
        "agentRegistrarTls",
        SwappableTls.anonymous(() -> registrarTrust(settings, bundles, trustDomain)));
  }

  private static boolean unifiedIdentity(RoleContext context) {
    return context.settings().flag("serai.feature.unified-identity");
  }

  private static boolean isHttps(URI registrar) {
    return "https".equals(registrar.getScheme());
  }

  private static X509ExtendedTrustManager registrarTrust(
      AgentSettings settings, TrustBundles bundles, TrustDomain trustDomain) {
    if (settings.registrarCa().isPresent()) {
      try {
        return AgentApiTrust.ofCa(settings.registrarCa().get());
      } catch (java.security.cert.CertificateException e) {
        throw new IllegalStateException(e.getMessage(), e);
      }
    }
    SpiffeId registrar = trustDomain.withPath("/serai/registrar");
    return new SpiffeTrustManager(
        domain -> domain.equals(trustDomain) ? bundles.authorities() : List.of(),
        registrar::equals);
  }

  private static Tpm nativeTpm(RoleContext context) {
    MeterRegistry meters = context.meters();
    TpmOptions options =
        TpmOptions.defaults()
            .withTcti(context.settings().optionalText("serai.tpm.tcti").orElse(""))
            .withAllowSoftware(context.settings().flag("serai.tpm.allow-software"))
            .withListener(new TpmMeters(meters));
    return TssTpm.lazy(options);
  }

  private static void bindHealth(
      RoleContext context, AgentStatus status, TrustBundles bundles, WorkloadSvids svids) {
    Duration period = Duration.ofMillis(context.settings().integer("serai.agent.sync-period"));
    Duration oldest =
        period.multipliedBy(context.settings().integer("serai.agent.stale-after-periods"));
    WorkloadProbe probe =
        new WorkloadProbe(
            Path.of(context.settings().text("serai.agent.workload-socket")),
            FIRST_LOOKS,
            LATER_LOOKS);
    context.onStop(probe);
    context.afterStart(probe::start);
    context.bind(
        "roleHealth-agent",
        new AgentReadiness(
            status,
            () -> !bundles.authorities().isEmpty(),
            svids::lastSync,
            oldest.compareTo(LEAST_STALE) < 0 ? LEAST_STALE : oldest,
            probe::trouble,
            context.clock()));
  }

  /** One template per context, made when it is first needed. */
  private static final class Templates {
    private static final String NAME = "agentProducerTemplate";

    private Templates() {}

    static synchronized ProducerTemplate of(CamelContext camel) {
      ProducerTemplate known =
          camel.getRegistry().lookupByNameAndType(NAME, ProducerTemplate.class);
      if (known == null) {
        known = camel.createProducerTemplate();
        camel.getRegistry().bind(NAME, known);
      }
      return known;
    }
  }
}
