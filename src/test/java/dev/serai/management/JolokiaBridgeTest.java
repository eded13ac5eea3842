package dev.serai.management;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.junit.jupiter.api.Test;

class JolokiaBridgeTest {
  /** What takes long to say. */
  public interface SlowMXBean {
    /** Some figure. */
    int getFigure() throws InterruptedException;
  }

  @Test
  void a_question_does_not_wait_for_one_that_takes_long() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch known = new CountDownLatch(1);
    SlowMXBean slow =
        () -> {
          asked.countDown();
          known.await();
          return 7;
        };
    MBeanServer server = ManagementFactory.getPlatformMBeanServer();
    ObjectName name = new ObjectName("org.apache.camel:type=steps,name=slow");
    server.registerMBean(new javax.management.StandardMBean(slow, SlowMXBean.class, true), name);
    JolokiaBridge bridge = new JolokiaBridge();
    try {
      CompletableFuture<String> figure = CompletableFuture.supplyAsync(() -> read(bridge, name));
      assertThat(asked.await(60, TimeUnit.SECONDS)).isTrue();
      CompletableFuture<String> version =
          CompletableFuture.supplyAsync(() -> ask(bridge, "{\"type\":\"version\"}"));
      assertThat(version.get(60, TimeUnit.SECONDS)).contains("\"status\":200");
      assertThat(figure).isNotDone();
      known.countDown();
      assertThat(figure.get(60, TimeUnit.SECONDS)).contains("\"value\":7");
    } finally {
      known.countDown();
      server.unregisterMBean(name);
      bridge.close();
    }
  }

  private static String read(JolokiaBridge bridge, ObjectName name) {
    return ask(
        bridge, "{\"type\":\"read\",\"mbean\":\"%s\",\"attribute\":\"Figure\"}".formatted(name));
  }

  private static String ask(JolokiaBridge bridge, String question) {
    return bridge.post("/hawtio/jolokia", question.getBytes(StandardCharsets.UTF_8), Map.of());
  }
}
