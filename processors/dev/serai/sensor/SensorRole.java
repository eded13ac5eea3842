package dev.serai.sensor;

import static java.util.Objects.requireNonNull;

import dev.serai.audit.Audit;
import dev.serai.camara.Operator;
import dev.serai.camara.OperatorAnswer;
import dev.serai.http.GuardedListener;
import dev.serai.http.WriteHttpAnswerProcessor;
import dev.serai.keylime.HttpAnswer;
import dev.serai.location.DeviceAnswer;
import dev.serai.location.DeviceKey;
import dev.serai.location.DeviceQuestion;
import dev.serai.location.LocateJson;
import dev.serai.location.SensorAnswer;
import dev.serai.location.SensorQuestion;
import dev.serai.net.LateIdentity;
import dev.serai.net.RoleIdentities;
import dev.serai.net.SwappableTls;
import dev.serai.proto.serai.v1.DevicesGrpc;
import dev.serai.proto.serai.v1.ListDevicesRequest;
import dev.serai.proto.serai.v1.ShowDeviceRequest;
import dev.serai.proto.serai.v1.UpdateDeviceRequest;
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
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.Bytes;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.apache.camel.Exchange;

/** Wires the sensor service: registry, operator, endorsements. */
public final class SensorRole implements Role {
  private static final String LOCATED = "locatedSensor";
  private static final String FOUND = "foundSensor";
  private static final String REQUEST = "endorsementRequest";

  @Override
  public String name() {
    return "sensor";
  }

  @Override
  public void bind(RoleContext context) {
    Settings settings = context.settings();
    boolean strict = settings.text("serai.privacy").equals("strict");
    PrivateFiles files = new PrivateFiles(context.stateDir().resolve("sensor"));
    Audit audit = Audit.of(context);
    RegistryKey key = RegistryKey.of(files);
    DeviceStore store = new DeviceStore(context.database(), audit, key);
    EndorsementKeys keys =
        EndorsementKeys.open(
            files, settings.duration("serai.sensor.endorsement-key-life"), context.clock());
    SidecarMeters sidecar = new SidecarMeters();
    context.onStop(sidecar);
    SensorMeters meters = new SensorMeters(context.meters(), store, keys);
    Operator operator = Operator.bind(context, sidecar::operatorTook);
    DeviceLookup lookup = new DeviceLookup(store);
    LocationChecks checks =
        new LocationChecks(lookup, new DeviceNames(store, deviceKey(context)), operator, audit);
    Endorsing endorsing = new Endorsing(keys, key, strict, audit);

    bindListener(context, files, sidecar);
    bindChecks(context, checks, meters);
    bindEndorsing(context, endorsing, meters);
    bindLocating(context, new Locating(lookup, endorsing), meters);
    bindAsking(context, new DeviceAsking(checks));
    bindAnswers(context, lookup, keys, sidecar, strict);
    bindAdministration(context, new DeviceAdministration(store, audit, context.clock()));
    context.bind("rotateEndorsementKey", (org.apache.camel.Processor) tick -> keys.rotate());
    context.bind(
        "roleHealth-sensor",
        (RoleHealth)
            () ->
                RoleHealth.Standing.ready(operator.isConfigured() ? "ASKING" : "NO_OPERATOR")
                    .with("operator", operator.fact())
                    .with("endorsement-key", keys.signingId())
                    .with("audit", audit.fact()));
  }

  private static void bindListener(RoleContext context, PrivateFiles files, SidecarMeters sidecar) {
    Settings settings = context.settings();
    boolean tls = settings.flag("serai.sensor.tls");
    Set<SpiffeId> callers = new HashSet<>();
    TrustDomain domain = TrustDomain.parse(settings.text("serai.trust-domain"));
    settings.list("serai.sensor.callers").forEach(path -> callers.add(domain.withPath(path)));
    RateLimits limits =
        new RateLimits(
            "requests to the sensor service",
            settings.integer("serai.sensor.limit"),
            settings.integer("serai.sensor.limit-burst"),
            context.clock());
    context.onReload(
        fresh -> {
          int perSecond = fresh.integer("serai.sensor.limit");
          int burst = fresh.integer("serai.sensor.limit-burst");
          return Reloadable.Change.of(() -> limits.use(perSecond, burst));
        });
    context.bind(
        "sensorListener",
        GuardedListener.of(
            settings.integer("serai.sensor.max-connections"),
            settings.duration("serai.sensor.idle-timeout")));
    LateIdentity identity =
        new LateIdentity(
            () ->
                Optional.ofNullable(
                    context
                        .camel()
                        .getRegistry()
                        .lookupByNameAndType("roleIdentities", RoleIdentities.class)),
            "sensor");
    context.bind("sensorTls", SwappableTls.server(identity, callers::contains));
    Optional<BearerToken> token =
        tls
            ? Optional.empty()
            : Optional.of(
                BearerToken.of(
                    settings.optionalText("serai.sensor.token-file").map(Path::of), files));
    context.bind("readSensorCall", new ReadSensorCallProcessor(token, callers, limits, sidecar));
    context.bind("writeHttpAnswer", new WriteHttpAnswerProcessor());
    context.bind(
        "refuseUnknownSensorOperation",
        Step.of(
            SensorCall.class,
            (call, exchange) -> {
              throw new RefusalException(ReasonCode.UNKNOWN_OPERATION, SensorRefusals.NO_PATH);
            }));
  }

  private static void bindChecks(RoleContext context, LocationChecks checks, SensorMeters meters) {
    context.bind(
        "findSensor",
        Step.of(
            LocationCheck.class,
            (check, exchange) -> {
              LocationChecks.Found found = checks.find(check);
              exchange.setVariable(FOUND, found);
              return checks.question(found);
            }));
    context.bind(
        "concludeLocationCheck",
        Step.of(
            OperatorAnswer.class,
            (answer, exchange) -> {
              LocationChecks.Found found =
                  requireNonNull(exchange.getVariable(FOUND, LocationChecks.Found.class), FOUND);
              meters.checked(answer.verdict().result());
              return checks.conclude(found, answer);
            }));
  }

  private static void bindEndorsing(RoleContext context, Endorsing endorsing, SensorMeters meters) {
    context.bind(
        "prepareEndorsement",
        Step.of(
            EndorsementRequest.class,
            (request, exchange) -> {
              exchange.setVariable(REQUEST, request);
              return endorsing.check(request);
            }));
    context.bind(
        "signEndorsement",
        Step.of(
            CheckedLocation.class,
            (checked, exchange) -> {
              SignedLocation signed = endorsing.sign(request(exchange), checked);
              meters.endorsed();
              return signed;
            }));
  }

  private static void bindLocating(RoleContext context, Locating locating, SensorMeters meters) {
    context.bind(
        "readLocateRequest",
        Step.of(
            SensorCall.class, (call, exchange) -> LocateJson.readQuestion(call.body().toText())));
    context.bind(
        "findLocatedDevice",
        Step.of(SensorQuestion.class, (question, exchange) -> locating.find(question)));
    context.bind(
        "prepareLocatedCheck",
        Step.of(
            LocatedSensor.class,
            (located, exchange) -> {
              exchange.setVariable(LOCATED, located);
              return locating.check(located);
            }));
    context.bind(
        "answerWithOperator",
        Step.of(
            CheckedLocation.class,
            (checked, exchange) -> {
              SensorAnswer answer =
                  locating.answer(
                      requireNonNull(exchange.getVariable(LOCATED, LocatedSensor.class), LOCATED),
                      checked);
              answer.endorsement().ifPresent(signed -> meters.endorsed());
              return answer;
            }));
    context.bind(
        "answerWithoutOperator",
        Step.of(LocatedSensor.class, (located, exchange) -> locating.answer(located)));
    context.bind(
        "writeLocatedDevice",
        Step.of(
            SensorAnswer.class,
            (answer, exchange) -> SensorJson.ok(Bytes.ofText(LocateJson.write(answer)))));
  }

  private static void bindAsking(RoleContext context, DeviceAsking asking) {
    context.bind(
        "findAskedDevice",
        Step.of(DeviceQuestion.class, (question, exchange) -> asking.find(question)));
    context.bind(
        "prepareDeviceCheck",
        Step.of(AskedDevice.class, (asked, exchange) -> DeviceAsking.check(asked.question())));
    context.bind(
        "answerAskedDevice",
        Step.of(CheckedLocation.class, (checked, exchange) -> DeviceAsking.answer(checked)));
    context.bind(
        "denyUnknownDevice", Step.of(AskedDevice.class, (asked, exchange) -> DeviceAnswer.DENIED));
  }

  /** The issuer's: it names devices in SVIDs. */
  private static Optional<DeviceKey> deviceKey(RoleContext context) {
    Optional<Path> file = context.settings().optionalText("serai.sensor.device-key").map(Path::of);
    if (file.isEmpty()) {
      return context.roles().contains("issuer")
          ? Optional.of(DeviceKey.in(context.stateDir().resolve("devices/issuer.key")))
          : Optional.empty();
    }
    try {
      return file.map(DeviceKey::of);
    } catch (UncheckedIOException e) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID, "serai.sensor.device-key: " + e.getMessage(), e);
    }
  }

  private static EndorsementRequest request(Exchange exchange) {
    return requireNonNull(exchange.getVariable(REQUEST, EndorsementRequest.class), REQUEST);
  }

  private static void bindAnswers(
      RoleContext context,
      DeviceLookup lookup,
      EndorsementKeys keys,
      SidecarMeters sidecar,
      boolean strict) {
    context.bind(
        "readVerifyRequest",
        Step.of(
            SensorCall.class,
            (call, exchange) -> {
              sidecar.asked();
              return SensorJson.verify(call.body());
            }));
    context.bind(
        "answerVerification",
        Step.of(
            CheckedLocation.class,
            (checked, exchange) -> {
              sidecar.said(checked.answer().verdict().isTrue());
              return SensorJson.verified(checked, !strict);
            }));
    context.bind(
        "readLookupRequest",
        Step.of(SensorCall.class, (call, exchange) -> SensorJson.lookup(call.body())));
    context.bind(
        "lookupMsisdn",
        Step.of(SensorIds.class, (ids, exchange) -> MsisdnLookup.answer(lookup, ids)));
    context.bind(
        "readEndorsementRequest",
        Step.of(SensorCall.class, (call, exchange) -> SensorJson.endorse(call.body())));
    context.bind(
        "answerEndorsement",
        Step.of(
            SignedLocation.class, (signed, exchange) -> SensorJson.ok(Endorsing.answer(signed))));
    context.bind(
        "answerEndorsementKeys",
        Step.of(SensorCall.class, (call, exchange) -> SensorJson.ok(keys.published().json())));
    context.bind(
        "answerSensorMetrics",
        Step.of(SensorCall.class, (call, exchange) -> (HttpAnswer) sidecar.scrape()));
  }

  private static void bindAdministration(RoleContext context, DeviceAdministration administration) {
    RpcServer server =
        RpcServer.builder("sensor")
            .service(DevicesGrpc.getServiceDescriptor())
            .unix(Path.of(context.settings().text("serai.sensor.admin-socket")), SocketAccess.OWNER)
            .build();
    RpcComponent.addTo(context.camel());
    context.bind("deviceAdministration", administration);
    context.bind("rpcServer-sensor", server);
    context.onStop(server);
    context.bind(
        "adminCreateDevice",
        new AdministerProcessor<>(dev.serai.proto.serai.v1.Device.class, administration::create));
    context.bind(
        "adminListDevices",
        new AdministerProcessor<>(ListDevicesRequest.class, administration::list));
    context.bind(
        "adminShowDevice",
        new AdministerProcessor<>(ShowDeviceRequest.class, administration::show));
    context.bind(
        "adminUpdateDevice",
        new AdministerProcessor<>(UpdateDeviceRequest.class, administration::update));
    context.bind(
        "adminDeleteDevice",
        new AdministerProcessor<>(ShowDeviceRequest.class, administration::delete));
  }
}
