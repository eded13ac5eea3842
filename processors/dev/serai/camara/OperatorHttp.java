package dev.serai.camara;

import dev.serai.tpm.Bytes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;

/**
 * POST over TLS to the operator. Its certificate is checked against its name, redirects are not
 * followed, answers are bounded, and one deadline holds from connecting to the last byte. Safe for
 * any thread; none waits.
 */
final class OperatorHttp implements AutoCloseable {
  private static final int THREADS = 4;
  private static final int WAITING = 1024;

  private final HttpClient client;
  private final ExecutorService executor;
  private final URI base;
  private final OperatorMeters meters;

  OperatorHttp(URI base, SSLContext tls, OperatorMeters meters) {
    if (!"https".equals(base.getScheme())) {
      throw new IllegalArgumentException("the operator is asked over https only");
    }
    this.base = base;
    this.meters = meters;
    this.executor = executor();
    this.client =
        HttpClient.newBuilder()
            .sslContext(tls)
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .executor(executor)
            .build();
  }

  private static ExecutorService executor() {
    ThreadPoolExecutor threads =
        new ThreadPoolExecutor(
            THREADS,
            THREADS,
            30,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(WAITING),
            action -> {
              Thread thread = new Thread(action, "operator");
              thread.setDaemon(true);
              return thread;
            });
    threads.allowCoreThreadTimeOut(true);
    return threads;
  }

  /**
   * Completes with the reply, whatever its status, or exceptionally when there is none in time.
   *
   * @param call for the meters
   */
  CompletableFuture<OperatorReply> post(
      String call, String path, Map<String, String> headers, Bytes body, Duration patience) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(base + path))
            .timeout(patience)
            .POST(HttpRequest.BodyPublishers.ofByteArray(body.toArray()));
    headers.forEach(request::header);
    long begun = System.nanoTime();
    CompletableFuture<HttpResponse<Bytes>> sent =
        client.sendAsync(request.build(), response -> new BoundedBody());
    CompletableFuture<OperatorReply> reply =
        sent.thenApply(
                response ->
                    new OperatorReply(
                        response.statusCode(),
                        response.body(),
                        response.headers().firstValue("Retry-After")))
            .orTimeout(patience.toMillis(), TimeUnit.MILLISECONDS);
    return reply.whenComplete(
        (answer, failure) -> {
          if (failure != null) {
            sent.cancel(true);
          }
          meters.called(call, failure == null, Duration.ofNanos(System.nanoTime() - begun));
        });
  }

  @Override
  public void close() {
    executor.shutdownNow();
  }

  /** Reads so much and no more. */
  private static final class BoundedBody implements HttpResponse.BodySubscriber<Bytes> {
    private final CompletableFuture<Bytes> body = new CompletableFuture<>();
    private final ByteArrayOutputStream read = new ByteArrayOutputStream();
    private Flow.Subscription subscription;

    @Override
    public CompletionStage<Bytes> getBody() {
      return body;
    }

    @Override
    public void onSubscribe(Flow.Subscription given) {
      subscription = given;
      given.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(List<ByteBuffer> items) {
      for (ByteBuffer item : items) {
        if (read.size() + item.remaining() > LocationDialect.LIMIT) {
          subscription.cancel();
          body.completeExceptionally(new IOException("the answer is too long"));
          return;
        }
        byte[] part = new byte[item.remaining()];
        item.get(part);
        read.write(part, 0, part.length);
      }
    }

    @Override
    public void onError(Throwable failure) {
      body.completeExceptionally(failure);
    }

    @Override
    public void onComplete() {
      body.complete(Bytes.copyOf(read.toByteArray()));
    }
  }
}
