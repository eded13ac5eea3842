package dev.serai.workload;

import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.X509SVIDRequest;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.unix.DomainSocketAddress;
import java.util.concurrent.TimeUnit;

/** A workload of its own process: prints the ids it gets, or the code of the refusal. */
public final class FetchAsWorkload {
  private FetchAsWorkload() {}

  public static void main(String[] arguments) {
    Metadata metadata = new Metadata();
    metadata.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(arguments[0]))
            .eventLoopGroup(new EpollEventLoopGroup(1))
            .channelType(EpollDomainSocketChannel.class)
            .usePlaintext()
            .overrideAuthority("localhost")
            .build();
    try {
      SpiffeWorkloadAPIGrpc.newBlockingStub(channel)
          .withDeadlineAfter(60, TimeUnit.SECONDS)
          .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata))
          .fetchX509SVID(X509SVIDRequest.getDefaultInstance())
          .next()
          .getSvidsList()
          .forEach(svid -> System.out.println("got " + svid.getSpiffeId()));
    } catch (StatusRuntimeException e) {
      System.out.println("got " + e.getStatus().getCode());
    }
    System.exit(0);
  }
}
