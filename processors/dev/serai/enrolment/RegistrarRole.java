package dev.serai.enrolment;

import dev.serai.audit.Audit;
import dev.serai.http.GuardedListener;
import dev.serai.http.WriteHttpAnswerProcessor;
import dev.serai.net.LateIdentity;
import dev.serai.net.PeerIdentity;
import dev.serai.net.RoleIdentities;
import dev.serai.net.SwappableTls;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Reloadable;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.role.Settings;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.apache.camel.Exchange;

/** Wires the registrar. */
public final class RegistrarRole implements Role {

  @Override
  public String name() {
    return "registrar";
  }

  @Override
  public void bind(RoleContext context) {
    Settings settings = context.settings();
    InstantSource clock = context.clock();
    EnrolmentStore store = new EnrolmentStore(context.database(), Audit.of(context));
    ChallengeMaker challenges =
        new ChallengeMaker(new SecureRandom(), settings.duration("serai.registrar.challenge-ttl"));

    RegistrarMeters.bind(context.meters(), store, clock);
    bindListeners(context);
    context.bind("readEnrolment", new ReadEnrolmentProcessor());
    context.bind("checkNodeBinding", new CheckNodeBindingProcessor(store, clock));
    context.bind("checkAttestationKey", new CheckAttestationKeyProcessor());
    bindTrust(context);
    context.bind("makeChallenge", new MakeChallengeProcessor(challenges, clock));
    context.bind("recordEnrolment", new RecordEnrolmentProcessor(store, clock));
    context.bind("answerEnrolment", new AnswerEnrolmentProcessor());
    context.bind("readActivation", new ReadActivationProcessor());
    context.bind("recordActivation", new RecordActivationProcessor(store, clock));
    context.bind("listEnrolledNodes", new ListNodesProcessor(store));
    context.bind("showEnrolledNode", new ShowNodeProcessor(store));
    context.bind("deleteEnrolledNode", new DeleteNodeProcessor(store));
    context.bind("answerRegistrarVersions", new AnswerVersionsProcessor());
    context.bind("nameLookedUpNode", new NameLookedUpNodeProcessor());
    context.bind("answerNodeRecord", new AnswerNodeRecordProcessor());
    context.bind("lookupEnrolledNode", new LookupNodeProcessor(store));
    StoredNodes enrolled = new StoredNodes(store);
    context.bind("enrolledNodes", enrolled);
    context.bind("roleView-registrar", new RegistrarView(enrolled));
    context.bind("nodeBans", new NodeBans(store, clock));
  }

  private static void bindTrust(RoleContext context) {
    AtomicReference<EkTrust> now = new AtomicReference<>(trust(context.settings()));
    CheckEndorsementKeyProcessor check =
        new CheckEndorsementKeyProcessor(now.get(), context.clock());
    context.bind("checkEndorsementKey", check);
    context.onReload(
        settings -> {
          EkTrust fresh = trust(settings);
          boolean same = fresh.authorities().equals(now.get().authorities());
          return new Reloadable.Change(
              same
                  ? Optional.empty()
                  : Optional.of(fresh.authorities().size() + " authorities of endorsement keys"),
              () -> {
                now.set(fresh);
                check.use(fresh);
              });
        });
  }

  private static void bindListeners(RoleContext context) {
    Settings settings = context.settings();
    int connections = settings.integer("serai.registrar.max-connections");
    var silence = settings.duration("serai.registrar.idle-timeout");
    context.bind("registrarHttpListener", GuardedListener.of(connections, silence));
    context.bind(
        "registrarHttpsListener", GuardedListener.askingForCertificate(connections, silence));
    Function<Exchange, Optional<SpiffeId>> nobody = exchange -> Optional.empty();
    context.bind(
        "readClearRegistrarCall",
        new ReadRegistrarCallProcessor(new CallerRule.OpenOnly(), nobody));
    LateIdentity identity =
        new LateIdentity(
            () ->
                Optional.ofNullable(
                    context
                        .camel()
                        .getRegistry()
                        .lookupByNameAndType("roleIdentities", RoleIdentities.class)),
            "registrar");
    Set<SpiffeId> readers = ids(settings, "serai.registrar.readers");
    Set<SpiffeId> administrators = ids(settings, "serai.registrar.administrators");
    Set<SpiffeId> known = new HashSet<>(readers);
    known.addAll(administrators);
    context.bind("registrarTls", SwappableTls.server(identity, known::contains));
    context.bind(
        "readTlsRegistrarCall",
        new ReadRegistrarCallProcessor(
            new CallerRule.Named(readers, administrators), PeerIdentity::of));
    context.bind("refuseUnknownRegistrarOperation", new RefuseUnknownOperationProcessor());
    context.bind("writeHttpAnswer", new WriteHttpAnswerProcessor());
  }

  private static Set<SpiffeId> ids(Settings settings, String key) {
    TrustDomain domain = TrustDomain.parse(settings.text("serai.trust-domain"));
    Set<SpiffeId> ids = new HashSet<>();
    settings.list(key).forEach(path -> ids.add(domain.withPath(path)));
    return ids;
  }

  private static EkTrust trust(Settings settings) {
    Set<X509Certificate> authorities = new HashSet<>();
    if (settings.flag("serai.registrar.ek-trust-shipped")) {
      authorities.addAll(EkTrustStore.shipped());
    }
    settings
        .optionalText("serai.registrar.ek-trust-dir")
        .map(Path::of)
        .ifPresent(directory -> authorities.addAll(EkTrustStore.directory(directory)));
    List<String> allowed = settings.list("serai.registrar.ek-allow-list");
    if (authorities.isEmpty() && allowed.isEmpty()) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID,
          "no endorsement key could ever be trusted: set serai.registrar.ek-trust-dir or"
              + " serai.registrar.ek-allow-list");
    }
    return new EkTrust(authorities, EkAllowList.configured(allowed));
  }
}
