package dev.serai.workload;

import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RoleContext;
import dev.serai.role.Settings;
import dev.serai.rpc.RpcComponent;
import dev.serai.rpc.RpcLimits;
import dev.serai.rpc.RpcServer;
import dev.serai.rpc.SocketAccess;
import io.micrometer.core.instrument.Gauge;
import java.nio.file.Path;
import java.time.Duration;

/** The wiring of the Workload API, which is part of the agent role. */
public final class WorkloadBeans {
  private WorkloadBeans() {}

  /**
   * Binds what the routes of the Workload API name. The socket is there as soon as those routes
   * start; until the agent calls {@link WorkloadIdentityCache#replace} every caller is told to come
   * back.
   *
   * @param jwtSvids must not block
   * @return also bound as {@code workloadIdentities}
   */
  public static WorkloadIdentityCache bind(RoleContext context, JwtSvidSource jwtSvids) {
    Settings settings = context.settings();
    WorkloadIdentityCache identities = new WorkloadIdentityCache(context.clock());
    WorkloadAttestor attestor =
        new WorkloadAttestor(bytes(settings, "serai.workload.max-executable-bytes"));
    Gauge.builder("serai.workload.streams", identities, WorkloadIdentityCache::streams)
        .description("Open streams of workloads")
        .register(context.meters());
    context.bind("workloadIdentities", identities);
    context.bind("checkSecurityHeader", new CheckSecurityHeaderProcessor());
    context.bind("attestWorkload", new AttestWorkloadProcessor(attestor));
    context.bind(
        "streamX509Svids",
        new StreamIdentitiesProcessor(identities, WorkloadIdentityCache.Kinds.SVIDS));
    context.bind(
        "streamX509Bundles",
        new StreamIdentitiesProcessor(identities, WorkloadIdentityCache.Kinds.BUNDLES));
    context.bind(
        "streamJwtBundles",
        new StreamIdentitiesProcessor(identities, WorkloadIdentityCache.Kinds.JWT_BUNDLES));
    context.bind("readJwtRequest", new ReadJwtRequestProcessor(identities));
    context.bind("fetchJwtSvids", new FetchJwtSvidsProcessor(identities, jwtSvids));
    context.bind("verifyJwtSvid", new VerifyJwtSvidProcessor(identities, context.clock()));
    context.bind(
        RpcComponent.SERVER_BEAN + "workload",
        RpcServer.builder("workload")
            .service(SpiffeWorkloadAPIGrpc.getServiceDescriptor())
            .unix(Path.of(settings.text("serai.agent.workload-socket")), SocketAccess.EVERYONE)
            .limits(limits(settings))
            .onRefusal(new WorkloadDenials(context.meters()))
            .reflection()
            .build());
    RpcComponent.addTo(context.camel());
    return identities;
  }

  private static RpcLimits limits(Settings settings) {
    return new RpcLimits(
        settings.integer("serai.workload.max-message-bytes"),
        RpcLimits.DEFAULTS.headerBytes(),
        settings.integer("serai.workload.max-streams-per-connection"),
        settings.integer("serai.workload.max-connections"),
        settings.integer("serai.workload.max-connections-per-user"),
        settings.integer("serai.workload.workers"),
        settings.integer("serai.workload.max-waiting"),
        RpcLimits.DEFAULTS.unsentMessages(),
        Duration.ZERO);
  }

  private static long bytes(Settings settings, String key) {
    try {
      return Long.parseLong(settings.text(key));
    } catch (NumberFormatException e) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID, key + " is not a number of bytes", e);
    }
  }
}
