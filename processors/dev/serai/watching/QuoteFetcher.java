package dev.serai.watching;

import dev.serai.appraisal.NodeRecord;
import dev.serai.http.HttpGet;
import dev.serai.keylime.AgentVersions;
import dev.serai.keylime.ApiVersion;
import dev.serai.keylime.KeylimeJson;
import dev.serai.keylime.QuoteResults;
import dev.serai.keylime.RegisterRequest;
import dev.serai.net.MaterialSource;
import dev.serai.net.PinnedCertificateTls;
import dev.serai.role.TraceId;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.apache.camel.CamelContext;

/**
 * Asks agents for quotes in Keylime's way: GET quotes/integrity, over TLS with the very certificate
 * the agent registered. Never fails: an agent that does not answer is an outcome.
 */
final class QuoteFetcher {
  private static final int MAX_ANSWER = 16 * 1024 * 1024;
  private static final int MAX_VERSIONS_ANSWER = 16 * 1024;
  private static final int REMEMBERED_VERSIONS = 10_000;
  private static final ApiVersion FIRST_TRY = new ApiVersion(2, 5);

  private final HttpGet http;
  private final Duration deadline;
  private final boolean allowClear;
  private final Supplier<Optional<MaterialSource>> identity;
  private final CamelContext camel;

  /** Versions of agents that do not speak the first one tried. */
  private final Map<String, ApiVersion> versions =
      Collections.synchronizedMap(
          new LinkedHashMap<>(16, 0.75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<String, ApiVersion> eldest) {
              return size() > REMEMBERED_VERSIONS;
            }
          });

  QuoteFetcher(
      HttpGet http,
      WatchSettings settings,
      Supplier<Optional<MaterialSource>> identity,
      CamelContext camel) {
    this.http = http;
    this.deadline = settings.deadline();
    this.allowClear = settings.allowClearAgents();
    this.identity = identity;
    this.camel = camel;
  }

  CompletableFuture<FetchOutcome> fetch(QuoteRequest request, String traceId) {
    Optional<SSLContext> tls;
    try {
      tls = channel(request.node());
    } catch (GeneralSecurityException e) {
      return done(e.getMessage());
    }
    return ask(request, tls, traceId, true).exceptionally(QuoteFetcher::failed);
  }

  /** Asks the agent where it is, in the prototype's way and over the same channel. */
  CompletableFuture<HttpGet.Response> location(QuoteRequest request, String traceId) {
    try {
      return http.send(
          get(
              request,
              channel(request.node()),
              "/v2.2/agent/attested_geolocation?nonce=" + request.nonce(),
              traceId,
              AskLocationProcessor.MAX_ANSWER));
    } catch (GeneralSecurityException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /**
   * Empty for an agent in clear.
   *
   * @throws GeneralSecurityException with what is said of an agent that is not asked
   */
  private Optional<SSLContext> channel(NodeRecord node) throws GeneralSecurityException {
    if (node.host().isEmpty() || node.port() == 0) {
      throw new GeneralSecurityException("the agent did not say where it listens");
    }
    String pem = node.mtlsCertificatePem().orElse("");
    if (pem.equals(RegisterRequest.MTLS_DISABLED)) {
      if (!allowClear) {
        throw new GeneralSecurityException(
            "the agent speaks in clear and serai.verifier.allow-clear-agents is off");
      }
      return Optional.empty();
    }
    try {
      return Optional.of(pinned(pem));
    } catch (GeneralSecurityException e) {
      throw new GeneralSecurityException("the agent registered no usable certificate", e);
    }
  }

  private SSLContext pinned(String pem) throws GeneralSecurityException {
    try {
      return PinnedCertificateTls.client(certificate(pem), identity.get()).createSSLContext(camel);
    } catch (java.io.IOException e) {
      throw new CertificateException(e);
    }
  }

  static X509Certificate certificate(String pem) throws CertificateException {
    return (X509Certificate)
        CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)));
  }

  private CompletableFuture<FetchOutcome> ask(
      QuoteRequest request, Optional<SSLContext> tls, String traceId, boolean mayNegotiate) {
    ApiVersion version = versions.getOrDefault(request.node().nodeId(), FIRST_TRY);
    return http.send(get(request, tls, "/v" + version + query(request), traceId, MAX_ANSWER))
        .thenCompose(
            response -> {
              if (mayNegotiate
                  && response.status() == 400
                  && response.body().size() < MAX_VERSIONS_ANSWER
                  && response.body().toText().contains(ApiVersion.NOT_SUPPORTED)) {
                return negotiate(request, tls, traceId);
              }
              return CompletableFuture.completedFuture(read(response));
            });
  }

  private static String query(QuoteRequest request) {
    TpmHash bank = request.selection().pcrs().keySet().iterator().next();
    return "/quotes/integrity?nonce=%s&mask=0x%x&partial=0&ima_ml_entry=0"
        .formatted(request.nonce(), request.selection().mask(bank));
  }

  private HttpGet.Request get(
      QuoteRequest request, Optional<SSLContext> tls, String path, String traceId, int limit) {
    return new HttpGet.Request(
        request.node().host(),
        request.node().port(),
        tls,
        path,
        Map.of(TraceId.HEADER, TraceId.traceparent(traceId)),
        deadline,
        limit);
  }

  /** The agent has been changed for one of another version; its /version has no prefix. */
  private CompletableFuture<FetchOutcome> negotiate(
      QuoteRequest request, Optional<SSLContext> tls, String traceId) {
    return http.send(get(request, tls, "/version", traceId, MAX_VERSIONS_ANSWER))
        .thenCompose(
            response -> {
              Optional<ApiVersion> common = offered(response).flatMap(ApiVersion::newestCommon);
              if (common.isEmpty()) {
                return done("the agent speaks no version of ours");
              }
              versions.put(request.node().nodeId(), common.get());
              return ask(request, tls, traceId, false);
            });
  }

  static Optional<List<String>> offered(HttpGet.Response response) {
    try {
      AgentVersions versions =
          KeylimeJson.readEnvelope(response.body(), MAX_VERSIONS_ANSWER, AgentVersions.class)
              .results();
      return Optional.of(versions.supported().orElse(List.of(versions.version())));
    } catch (MalformedStructureException e) {
      return Optional.empty();
    }
  }

  static FetchOutcome read(HttpGet.Response response) {
    if (response.status() != 200) {
      return FetchOutcome.unanswered("the agent answered with HTTP " + response.status());
    }
    try {
      return new FetchOutcome.Answered(
          KeylimeJson.readEnvelope(response.body(), MAX_ANSWER, QuoteResults.class).results());
    } catch (MalformedStructureException e) {
      return FetchOutcome.unanswered("the agent's answer is not a quote: " + e.getMessage());
    }
  }

  private static FetchOutcome failed(Throwable failure) {
    if (HttpGet.isTimeout(failure)) {
      return FetchOutcome.unanswered("no answer before serai.verifier.quote-deadline");
    }
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    return FetchOutcome.unanswered(
        "%s: %s".formatted(cause.getClass().getSimpleName(), cause.getMessage()));
  }

  private static CompletableFuture<FetchOutcome> done(String detail) {
    return CompletableFuture.completedFuture(FetchOutcome.unanswered(detail));
  }
}
