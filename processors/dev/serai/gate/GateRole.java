package dev.serai.gate;

import dev.serai.audit.Audit;
import dev.serai.audit.RefusedCallers;
import dev.serai.breaker.BreakerPolicy;
import dev.serai.breaker.Breakers;
import dev.serai.location.Assurance;
import dev.serai.net.LateIdentity;
import dev.serai.net.RoleIdentities;
import dev.serai.net.SwappableTls;
import dev.serai.net.TlsContexts;
import dev.serai.proto.envoy.auth.v3.AuthorizationGrpc;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Reloadable;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.role.RoleHealth;
import dev.serai.role.Settings;
import dev.serai.rpc.RpcComponent;
import dev.serai.rpc.RpcLimits;
import dev.serai.rpc.RpcServer;
import dev.serai.rpc.SocketAccess;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Wires the gate. It runs where the proxy is, and holds no device, number or operator's secret. */
public final class GateRole implements Role {
  private static final int MESSAGE_BYTES = 1 << 20;

  @Override
  public String name() {
    return "gate";
  }

  @Override
  public void bind(RoleContext context) {
    Settings settings = context.settings();
    TrustDomain trustDomain = TrustDomain.parse(settings.text("serai.trust-domain"));
    Audit.of(context); // denials are on record also where the gate is alone
    LateIdentity identity = identity(context);
    AtomicReference<GatePolicy> policy = new AtomicReference<>(policy(settings));
    context.onReload(fresh -> change(policy, policy(fresh)));
    GateMeters meters = new GateMeters(context.meters());
    bindDecision(context, trustDomain, identity, policy, meters);
    bindSensor(context, trustDomain, identity);
    Set<SpiffeId> proxies =
        settings.list("serai.gate.proxies").stream()
            .map(trustDomain::withPath)
            .collect(Collectors.toUnmodifiableSet());
    bindProxies(context, identity, proxies, meters);
    context.bind(
        "roleHealth-gate", (RoleHealth) () -> standing(identity, policy.get(), proxies.size()));
  }

  static GatePolicy policy(Settings settings) {
    return new GatePolicy(
        GateMode.valueOf(settings.text("serai.gate.mode").toUpperCase(Locale.ROOT)),
        assurance(settings.text("serai.gate.minimum-assurance")),
        new HashSet<>(settings.list("serai.gate.regions")));
  }

  private static Assurance assurance(String word) {
    return Arrays.stream(Assurance.values())
        .filter(one -> one.word().equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                new RefusalException(
                    ReasonCode.CONFIGURATION_INVALID,
                    "serai.gate.minimum-assurance: no assurance " + word));
  }

  private static Reloadable.Change change(AtomicReference<GatePolicy> policy, GatePolicy fresh) {
    return new Reloadable.Change(
        fresh.equals(policy.get())
            ? Optional.empty()
            : Optional.of("gate " + fresh.mode().name().toLowerCase(Locale.ROOT)),
        () -> policy.set(fresh));
  }

  private static LateIdentity identity(RoleContext context) {
    return new LateIdentity(
        () ->
            Optional.ofNullable(
                context
                    .camel()
                    .getRegistry()
                    .lookupByNameAndType("roleIdentities", RoleIdentities.class)),
        "gate");
  }

  private static void bindDecision(
      RoleContext context,
      TrustDomain trustDomain,
      LateIdentity identity,
      AtomicReference<GatePolicy> policy,
      GateMeters meters) {
    DeviceAnswers answers =
        new DeviceAnswers(context.settings().duration("serai.gate.cache"), context.clock());
    GateSteps steps =
        new GateSteps(
            new LeafVerifier(trustDomain, context.clock()), identity, answers, context.clock());
    bindDecision(context::bind, steps, answers, policy::get, meters, () -> record(context));
  }

  /** The beans of route {@code decide-gate}. */
  static void bindDecision(
      BiConsumer<String, Object> bind,
      GateSteps steps,
      DeviceAnswers answers,
      Supplier<GatePolicy> policy,
      GateMeters meters,
      Supplier<Optional<RefusedCallers>> record) {
    bind.accept("openGate", new OpenGateProcessor(policy));
    bind.accept("validateLeaf", new GateStepProcessor(steps::validateLeaf));
    bind.accept("readGateClaims", new GateStepProcessor(steps::readClaims));
    bind.accept(
        "recallDevice", new GateStepProcessor(open -> counted(steps.recallDevice(open), meters)));
    bind.accept("askDevice", new AskDeviceProcessor());
    bind.accept("deviceHop", new DeviceHopPolicy());
    bind.accept("keepDeviceAnswer", new KeepAnswerProcessor(answers, meters));
    bind.accept("judgeDevice", new GateStepProcessor(steps::judgeDevice));
    bind.accept("checkAssurance", new GateStepProcessor(steps::checkAssurance));
    bind.accept("concludeGate", new ConcludeGateProcessor(meters, record));
  }

  private static GateCase counted(GateCase recalled, GateMeters meters) {
    if (recalled.device().isPresent()) {
      meters.answeredFromMemory();
    }
    return recalled;
  }

  private static Optional<RefusedCallers> record(RoleContext context) {
    return Optional.ofNullable(
        context
            .camel()
            .getRegistry()
            .lookupByNameAndType(RefusedCallers.BEAN, RefusedCallers.class));
  }

  /** The hop to a sensor service in another process. */
  private static void bindSensor(
      RoleContext context, TrustDomain trustDomain, LateIdentity identity) {
    Duration deadline = context.settings().duration("serai.gate.deadline");
    context.bind(
        "gateTls", SwappableTls.client(identity, trustDomain.withPath("/serai/sensor")::equals));
    context.bind("writeDeviceQuestion", new WriteDeviceQuestionProcessor(deadline));
    context.bind("readDeviceAnswer", new ReadDeviceAnswerProcessor());
    context.bind(
        "gateSensorBreaker",
        new BreakerPolicy(
            Breakers.of(context).of(Breakers.Kind.PROVIDER, "sensor"),
            ReasonCode.GATE_UNAVAILABLE,
            deadline));
  }

  private static void bindProxies(
      RoleContext context, LateIdentity identity, Set<SpiffeId> proxies, GateMeters meters) {
    Settings settings = context.settings();
    Set<Integer> users =
        settings.list("serai.gate.proxy-users").stream()
            .map(Integer::valueOf)
            .collect(Collectors.toUnmodifiableSet());
    RpcServer.Builder server =
        RpcServer.builder("gate")
            .service(AuthorizationGrpc.getServiceDescriptor())
            .limits(
                RpcLimits.DEFAULTS
                    .withMessageBytes(MESSAGE_BYTES)
                    .withWorkers(
                        settings.integer("serai.gate.workers"),
                        settings.integer("serai.gate.max-waiting")))
            .tls(
                settings.text("serai.gate.host"),
                settings.integer("serai.gate.port"),
                TlsContexts.server(identity, proxies::contains));
    settings
        .optionalText("serai.gate.socket")
        .ifPresent(
            socket ->
                server.unix(
                    Path.of(socket), users.isEmpty() ? SocketAccess.OWNER : SocketAccess.EVERYONE));
    RpcServer built = server.build();
    RpcComponent.addTo(context.camel());
    context.bind("rpcServer-gate", built);
    context.onStop(built);
    context.bind("authorizeProxy", new AuthorizeProxyProcessor(proxies, users));
    context.bind(
        "readCheck",
        new ReadCheckProcessor(
            ReadCheckProcessor.Source.valueOf(
                settings.text("serai.gate.certificate").toUpperCase(Locale.ROOT)),
            meters));
    context.bind("answerCheck", new AnswerCheckProcessor());
  }

  private static RoleHealth.Standing standing(
      LateIdentity identity, GatePolicy policy, int proxies) {
    RoleHealth.Standing standing =
        identity.current().isPresent()
            ? RoleHealth.Standing.ready("DECIDING")
            : RoleHealth.Standing.waiting(
                "NO_IDENTITY",
                new Reason(ReasonCode.GATE_UNAVAILABLE, "there is no trust bundle here yet"));
    return standing
        .with("mode", policy.mode().name().toLowerCase(Locale.ROOT))
        .with("minimum-assurance", policy.minimumAssurance().word())
        .with("proxies", Integer.toString(proxies));
  }
}
