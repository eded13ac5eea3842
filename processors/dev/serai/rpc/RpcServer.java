package dev.serai.rpc;

import com.google.protobuf.Message;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.reason.Refused;
import dev.serai.role.TraceId;
import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A gRPC server with any number of services on up to two listeners: TLS and a unix socket. It
 * listens from the start of the first route that consumes from it. A method whose route is not
 * running answers Unavailable; one that no route names answers Unimplemented.
 */
public final class RpcServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RpcServer.class);
  static final Metadata.Key<String> TRACEPARENT =
      Metadata.Key.of(TraceId.HEADER, Metadata.ASCII_STRING_MARSHALLER);
  private static final int UNIX_BACKLOG = 512;
  private static final int LOCAL_WORKERS = 8;
  private static final int LOCAL_WAITING = 128;

  /**
   * gRPC prints a stack trace for every message that is too large: whoever may connect could fill
   * the log. Kept here because the JDK forgets a logger's level with the logger.
   */
  private static final java.util.logging.Logger QUIET =
      java.util.logging.Logger.getLogger("io.grpc.netty.NettyServerStream");

  static {
    QUIET.setLevel(java.util.logging.Level.SEVERE);
  }

  /** Answers the calls of one method. */
  interface Handler {
    /** Never blocks; calls back once, from any thread, when the exchange is done. */
    void handle(RpcCall call, Message request, Runnable done);
  }

  private final Builder settings;
  private final Map<String, Optional<Handler>> handlers = new ConcurrentHashMap<>();
  private final Set<RpcCall> open = ConcurrentHashMap.newKeySet();
  private final HealthStatusManager health = new HealthStatusManager();
  private final List<Server> servers = new CopyOnWriteArrayList<>();
  private final List<AutoCloseable> resources = new ArrayList<>();
  private volatile BiConsumer<String, Status.Code> observer = (method, code) -> {};
  private volatile int tlsPort = -1;
  private final AtomicBoolean healthEnded = new AtomicBoolean();
  private boolean started;
  private boolean closed;
  private volatile RpcWorkers workers;
  private RpcWorkers localWorkers;

  private RpcServer(Builder settings) {
    this.settings = settings;
  }

  /** The name is the first part of the endpoint: {@code rpc:<name>/<service>/<method>}. */
  public static Builder builder(String name) {
    return new Builder(name);
  }

  public String name() {
    return settings.name;
  }

  /** The port of the TLS listener once it listens; -1 before. */
  public int tlsPort() {
    return tlsPort;
  }

  /** The path of the unix socket, if there is one. */
  public Optional<Path> unixSocket() {
    return Optional.ofNullable(settings.unix).map(UnixListener::path);
  }

  /** Open calls, streams included. */
  public int openCalls() {
    return open.size();
  }

  /** Calls that wait for a worker. */
  int waitingCalls() {
    RpcWorkers pool = workers;
    return pool == null ? 0 : pool.waiting();
  }

  boolean offers(String method) {
    return settings.services.stream()
        .flatMap(s -> s.getMethods().stream())
        .anyMatch(m -> m.getFullMethodName().equals(method));
  }

  MethodDescriptor.MethodType typeOf(String method) {
    return settings.services.stream()
        .flatMap(s -> s.getMethods().stream())
        .filter(m -> m.getFullMethodName().equals(method))
        .findFirst()
        .orElseThrow()
        .getType();
  }

  /** From now on the method answers Unavailable instead of Unimplemented. */
  void announce(String method) {
    handlers.putIfAbsent(method, Optional.empty());
  }

  void serve(String method, Handler handler) {
    handlers.put(method, Optional.of(handler));
    updateHealth();
  }

  void suspend(String method) {
    handlers.replace(method, Optional.empty());
    updateHealth();
  }

  void observe(BiConsumer<String, Status.Code> newObserver) {
    this.observer = newObserver;
  }

  private void updateHealth() {
    boolean all = true;
    for (ServiceDescriptor service : settings.services) {
      boolean serving =
          service.getMethods().stream()
              .map(m -> handlers.get(m.getFullMethodName()))
              .allMatch(handler -> handler == null || handler.isPresent());
      all &= serving;
      health.setStatus(
          service.getName(), serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
    }
    health.setStatus(
        HealthStatusManager.SERVICE_NAME_ALL_SERVICES,
        all ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
  }

  /** Binds the listeners; does nothing when they are bound. */
  synchronized void start() {
    if (started) {
      return;
    }
    if (closed) {
      throw new IllegalStateException("the server " + name() + " was closed");
    }
    started = true;
    RpcLimits limits = settings.limits;
    workers = new RpcWorkers("rpc-" + name(), limits.workers(), limits.waiting());
    resources.add(workers::shutdownNow);
    // Who sits on this machine gets through to its own threads, however busy the network side is.
    localWorkers =
        settings.tls == null || settings.unix == null
            ? workers
            : new RpcWorkers("rpc-" + name() + "-local", LOCAL_WORKERS, LOCAL_WAITING);
    if (localWorkers != workers) {
      resources.add(localWorkers::shutdownNow);
    }
    try {
      boolean epoll = Epoll.isAvailable();
      EventLoopGroup acceptors = eventLoop(epoll, 1, "accept");
      EventLoopGroup io = eventLoop(epoll, 2, "io");
      if (settings.tls != null) {
        startTls(epoll, acceptors, io);
      }
      if (settings.unix != null) {
        startUnix(acceptors, io);
      }
      updateHealth();
    } catch (RuntimeException e) {
      // Whoever supervises the route tries again, for instance when the port has become free.
      release();
      started = false;
      throw e;
    }
  }

  private EventLoopGroup eventLoop(boolean epoll, int threads, String purpose) {
    DefaultThreadFactory factory = new DefaultThreadFactory("rpc-" + name() + "-" + purpose, true);
    EventLoopGroup group =
        epoll ? new EpollEventLoopGroup(threads, factory) : new NioEventLoopGroup(threads, factory);
    resources.add(
        () -> {
          Future<?> unused = group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        });
    return group;
  }

  private void startTls(boolean epoll, EventLoopGroup acceptors, EventLoopGroup io) {
    InetSocketAddress address = new InetSocketAddress(settings.tlsHost, settings.tlsPort);
    Supplier<ServerChannel> channels =
        epoll ? EpollServerSocketChannel::new : NioServerSocketChannel::new;
    // Handshakes sign and verify: they run here and not on the event loop.
    ExecutorService handshakes =
        Executors.newFixedThreadPool(
            Math.max(2, Runtime.getRuntime().availableProcessors()),
            new DefaultThreadFactory("rpc-" + name() + "-tls", true));
    resources.add(handshakes::shutdownNow);
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(address)
            .sslContext(FreshTlsContext.server(settings.tls::serverContext))
            .executor(handshakes)
            .handshakeTimeout(10, TimeUnit.SECONDS);
    if (!settings.limits.connectionAge().isZero()) {
      builder
          .maxConnectionAge(settings.limits.connectionAge().toMillis(), TimeUnit.MILLISECONDS)
          .maxConnectionAgeGrace(30, TimeUnit.SECONDS);
    }
    Server server = bind(builder, channels, acceptors, io, address);
    tlsPort = server.getPort();
  }

  private void startUnix(EventLoopGroup acceptors, EventLoopGroup io) {
    if (!Epoll.isAvailable()) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID,
          "cannot listen on " + settings.unix.path() + ": no epoll here",
          Epoll.unavailabilityCause());
    }
    resources.add(settings.unix);
    settings.unix.prepare();
    DomainSocketAddress address = new DomainSocketAddress(settings.unix.path().toString());
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(address)
            .protocolNegotiator(ConnectionGate.withPeer())
            .directExecutor()
            .withOption(ChannelOption.SO_BACKLOG, UNIX_BACKLOG)
            .withChildOption(ChannelOption.SO_KEEPALIVE, null); // not an option of a unix socket
    bind(builder, EpollServerDomainSocketChannel::new, acceptors, io, address);
    settings.unix.open();
  }

  private Server bind(
      NettyServerBuilder builder,
      Supplier<ServerChannel> channels,
      EventLoopGroup acceptors,
      EventLoopGroup io,
      SocketAddress address) {
    RpcLimits limits = settings.limits;
    ConnectionGate gate = new ConnectionGate(limits.connections(), limits.connectionsPerPeer());
    builder
        .channelFactory(
            () -> {
              ServerChannel channel = channels.get();
              ((Channel) channel).pipeline().addLast(gate);
              return channel;
            })
        .bossEventLoopGroup(acceptors)
        .workerEventLoopGroup(io)
        .maxInboundMessageSize(limits.messageBytes())
        .maxInboundMetadataSize(limits.headerBytes())
        .maxConcurrentCallsPerConnection(limits.callsPerConnection())
        .permitKeepAliveTime(10, TimeUnit.SECONDS)
        .permitKeepAliveWithoutCalls(true)
        .keepAliveTime(2, TimeUnit.MINUTES)
        .keepAliveTimeout(20, TimeUnit.SECONDS);
    settings.services.forEach(service -> builder.addService(definition(service)));
    builder.addService(health.getHealthService());
    if (settings.reflection) {
      builder.addService(ProtoReflectionServiceV1.newInstance());
    }
    Server server = builder.build();
    try {
      server.start();
    } catch (IOException e) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID, "cannot listen on " + address + ": " + rootOf(e), e);
    }
    servers.add(server);
    LOG.info("{} listens on {}", name(), server.getListenSockets());
    return server;
  }

  private static String rootOf(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root.getMessage();
  }

  private ServerServiceDefinition definition(ServiceDescriptor service) {
    ServerServiceDefinition.Builder definition = ServerServiceDefinition.builder(service);
    for (MethodDescriptor<?, ?> method : service.getMethods()) {
      definition.addMethod(method(method));
    }
    return definition.build();
  }

  @SuppressWarnings("unchecked") // the marshallers of generated code make and take messages only
  private ServerMethodDefinition<Object, Object> method(MethodDescriptor<?, ?> method) {
    ServerCallHandler<Object, Object> handler = this::startCall;
    return ServerMethodDefinition.create((MethodDescriptor<Object, Object>) method, handler);
  }

  private ServerCall.Listener<Object> startCall(
      ServerCall<Object, Object> call, Metadata metadata) {
    String method = call.getMethodDescriptor().getFullMethodName();
    RpcCall[] self = new RpcCall[1];
    RpcCall rpc =
        new RpcCall(
            call,
            peer(call.getAttributes()),
            metadata,
            traceId(metadata),
            settings.limits.unsentMessages(),
            () -> {
              open.remove(self[0]);
              self[0].code().ifPresent(code -> observer.accept(method, code));
            },
            code -> settings.refusals.accept(method, code));
    self[0] = rpc;
    open.add(rpc);
    Optional<Handler> handler = handlers.get(method);
    if (handler == null) {
      refuse(rpc, ReasonCode.UNKNOWN_OPERATION, "no route answers " + method);
      return new ServerCall.Listener<>() {};
    }
    if (handler.isEmpty()) {
      refuse(rpc, ReasonCode.NOT_RUNNING, "the route of " + method + " is not running");
      return new ServerCall.Listener<>() {};
    }
    boolean conversation = !call.getMethodDescriptor().getType().clientSendsOneMessage();
    return conversation
        ? new Conversation(rpc, handler.get())
        : new SingleRequest(rpc, handler.get());
  }

  private static void refuse(RpcCall call, ReasonCode code, String detail) {
    call.refuse(new Refused(new Reason(code, detail), call.traceId(), Optional.empty()));
  }

  private static RpcPeer peer(Attributes attributes) {
    RpcPeer.LocalPeer local = attributes.get(ConnectionGate.LOCAL_PEER);
    if (local != null) {
      return local;
    }
    SocketAddress remote = attributes.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
    return new RpcPeer.TlsPeer(chain(attributes.get(Grpc.TRANSPORT_ATTR_SSL_SESSION)), remote);
  }

  private static List<X509Certificate> chain(SSLSession session) {
    if (session == null) {
      return List.of();
    }
    Certificate[] shown;
    try {
      shown = session.getPeerCertificates();
    } catch (SSLPeerUnverifiedException noneShown) {
      return List.of();
    }
    return Arrays.stream(shown).map(X509Certificate.class::cast).toList();
  }

  private static String traceId(Metadata metadata) {
    String traceparent = metadata.get(TRACEPARENT);
    return (traceparent == null ? Optional.<String>empty() : TraceId.fromTraceparent(traceparent))
        .orElseGet(TraceId::random);
  }

  /** Hands over to a route on a worker thread, or refuses when all are taken. */
  private void dispatch(RpcCall call, Handler handler, Message request, Runnable done) {
    RpcWorkers own = call.peer() instanceof RpcPeer.LocalPeer ? localWorkers : workers;
    if (!own.execute(call.method(), () -> handler.handle(call, request, done))) {
      refuse(call, ReasonCode.OVERLOADED, "too many calls of %s wait".formatted(call.method()));
    }
  }

  /** Unary and server-streaming calls: one request, then the route. */
  private final class SingleRequest extends CallListener {
    private final Handler handler;
    private Message request;

    SingleRequest(RpcCall call, Handler handler) {
      super(call);
      this.handler = handler;
      // Two, so that a second message is seen and refused.
      call.request(2);
    }

    @Override
    public void onMessage(Object message) {
      if (request != null) {
        refuse(call, ReasonCode.MALFORMED_REQUEST, "more than one request message");
        return;
      }
      request = (Message) message;
    }

    @Override
    public void onHalfClose() {
      if (!call.isOpen()) {
        return;
      }
      if (request == null) {
        refuse(call, ReasonCode.MALFORMED_REQUEST, "no request message");
        return;
      }
      dispatch(call, handler, request, () -> {});
    }
  }

  /** Client-streaming and bidirectional calls: one exchange per message, one after the other. */
  private final class Conversation extends CallListener {
    private final Handler handler;
    private boolean busy;
    private boolean halfClosed;

    Conversation(RpcCall call, Handler handler) {
      super(call);
      this.handler = handler;
      call.request(1);
    }

    @Override
    public void onMessage(Object message) {
      synchronized (this) {
        busy = true;
      }
      dispatch(call, handler, (Message) message, this::exchangeDone);
    }

    private void exchangeDone() {
      boolean complete;
      synchronized (this) {
        busy = false;
        complete = halfClosed;
      }
      if (complete) {
        call.complete();
      } else {
        call.request(1);
      }
    }

    @Override
    public void onHalfClose() {
      boolean complete;
      synchronized (this) {
        halfClosed = true;
        complete = !busy;
      }
      if (complete) {
        call.complete();
      }
    }
  }

  private abstract static class CallListener extends ServerCall.Listener<Object> {
    final RpcCall call;

    CallListener(RpcCall call) {
      this.call = call;
    }

    @Override
    public void onReady() {
      call.ready();
    }

    @Override
    public void onCancel() {
      call.cancelled();
    }
  }

  /**
   * Takes no further connection and no further call, and ends streams that only wait with
   * Unavailable, so that clients come back. Calls that a route works on go on until {@link #close}.
   */
  public void drain() {
    endHealth();
    // Without the monitor, which a start that hangs may hold.
    servers.forEach(Server::shutdown);
    open.stream()
        .filter(call -> !call.isWorking())
        .forEach(call -> refuse(call, ReasonCode.NOT_RUNNING, "the server is stopping"));
  }

  /** Ends open calls with Unavailable, so that clients come back, and closes the listeners. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    endHealth();
    release();
  }

  private void endHealth() {
    if (healthEnded.compareAndSet(false, true)) {
      health.enterTerminalState();
    }
  }

  private void release() {
    servers.forEach(Server::shutdown);
    open.forEach(call -> refuse(call, ReasonCode.NOT_RUNNING, "the server is stopping"));
    for (Server server : servers) {
      try {
        if (!server.awaitTermination(1, TimeUnit.SECONDS)) {
          server.shutdownNow();
        }
      } catch (InterruptedException e) {
        server.shutdownNow();
        Thread.currentThread().interrupt();
      }
    }
    servers.clear();
    for (int i = resources.size() - 1; i >= 0; i--) {
      try {
        resources.get(i).close();
      } catch (Exception e) {
        LOG.warn("while closing {}", name(), e);
      }
    }
    resources.clear();
    tlsPort = -1;
  }

  /** Collects what a server is made of. */
  public static final class Builder {
    private final String name;
    private final List<ServiceDescriptor> services = new ArrayList<>();
    private String tlsHost;
    private int tlsPort;
    private TlsIdentity tls;
    private UnixListener unix;
    private RpcLimits limits = RpcLimits.DEFAULTS;
    private boolean reflection;
    private BiConsumer<String, ReasonCode> refusals = (method, code) -> {};

    private Builder(String name) {
      this.name = name;
    }

    /** From generated code: {@code AgentGrpc.getServiceDescriptor()}. */
    public Builder service(ServiceDescriptor service) {
      services.add(service);
      return this;
    }

    /** Listens with TLS; port 0 takes a free one, see {@link RpcServer#tlsPort()}. */
    public Builder tls(String host, int port, TlsIdentity identity) {
      this.tlsHost = host;
      this.tlsPort = port;
      this.tls = identity;
      return this;
    }

    /** Listens on a unix socket, in plaintext. */
    public Builder unix(Path socket, SocketAccess access) {
      this.unix = new UnixListener(socket, access);
      return this;
    }

    public Builder limits(RpcLimits newLimits) {
      this.limits = newLimits;
      return this;
    }

    /** Lets clients ask which services there are. */
    public Builder reflection() {
      this.reflection = true;
      return this;
    }

    /** Told of each call that ends with a reason; called on any thread, must be quick. */
    public Builder onRefusal(BiConsumer<String, ReasonCode> observer) {
      this.refusals = observer;
      return this;
    }

    public RpcServer build() {
      if (tls == null && unix == null) {
        throw new IllegalStateException("the server " + name + " has no listener");
      }
      return new RpcServer(this);
    }
  }
}
