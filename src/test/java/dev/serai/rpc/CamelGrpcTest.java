package dev.serai.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.serai.v1.ShowNodeRequest;
import dev.serai.testing.SeraiHarness;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.Test;

/** camel-grpc is there for operators' own routes, with the services this jar knows. */
class CamelGrpcTest {
  @Test
  void a_route_of_an_operator_may_serve_a_service_with_the_stock_component() throws Exception {
    int port = SeraiHarness.freePort();
    try (DefaultCamelContext camel = new DefaultCamelContext()) {
      camel.addRoutes(
          new RouteBuilder() {
            @Override
            public void configure() {
              from("grpc://127.0.0.1:" + port + "/dev.serai.proto.serai.v1.Nodes?synchronous=true")
                  .process(
                      exchange -> {
                        ShowNodeRequest asked =
                            exchange.getMessage().getMandatoryBody(ShowNodeRequest.class);
                        exchange
                            .getMessage()
                            .setBody(NodeView.newBuilder().setNodeId(asked.getId()).build());
                      });
            }
          });
      camel.start();
      ManagedChannel channel =
          NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
      try {
        assertThat(
                NodesGrpc.newBlockingStub(channel)
                    .show(ShowNodeRequest.newBuilder().setId("n1").build())
                    .getNodeId())
            .isEqualTo("n1");
      } finally {
        channel.shutdownNow();
      }
    }
  }
}
