package dev.serai.management;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Semaphore;
import org.jolokia.core.api.LogHandler;
import org.jolokia.json.JSONStructure;
import org.jolokia.server.core.config.ConfigKey;
import org.jolokia.server.core.config.StaticConfiguration;
import org.jolokia.server.core.http.HttpRequestHandler;
import org.jolokia.server.core.request.BadRequestException;
import org.jolokia.server.core.request.EmptyResponseException;
import org.jolokia.server.core.restrictor.policy.PolicyRestrictor;
import org.jolokia.server.core.service.JolokiaServiceManagerFactory;
import org.jolokia.server.core.service.api.JolokiaServiceManager;
import org.jolokia.service.jmx.LocalRequestHandler;
import org.jolokia.service.serializer.JolokiaSerializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * JMX for the console, through the shipped policy: it looks at Camel and the JVM and changes
 * nothing. Started at the first question, for most processes are never asked. A few questions are
 * answered at a time: the figures of all routes take seconds, and an open console asks for them
 * again and again; what else it asks does not wait for them.
 */
final class JolokiaBridge implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(JolokiaBridge.class);
  private static final String POLICY = "config/jolokia-access.xml";
  private static final int MOST_AT_ONCE = 4;

  private final Semaphore places = new Semaphore(MOST_AT_ONCE, true);
  private JolokiaServiceManager services; // these two are guarded by this
  private HttpRequestHandler handler;

  private interface Question {
    JSONStructure ask(HttpRequestHandler handler)
        throws IOException, BadRequestException, EmptyResponseException;
  }

  /** Answers a GET; path is what follows /hawtio/jolokia. */
  String get(String uri, String path, Map<String, String[]> parameters) {
    return answer(handler -> handler.handleGetRequest(uri, path, parameters));
  }

  /** Answers a POST. */
  String post(String uri, byte[] body, Map<String, String[]> parameters) {
    return answer(
        handler ->
            handler.handlePostRequest(
                uri, new ByteArrayInputStream(body), StandardCharsets.UTF_8.name(), parameters));
  }

  private String answer(Question question) {
    places.acquireUninterruptibly();
    try {
      return question.ask(handler()).toJSONString();
    } catch (EmptyResponseException e) {
      return "";
    } catch (BadRequestException | IOException e) {
      return malformed();
    } finally {
      places.release();
    }
  }

  private static String malformed() {
    return "{\"status\":400,\"error\":\"malformed Jolokia request\"}";
  }

  private synchronized HttpRequestHandler handler() {
    if (handler == null) {
      StaticConfiguration configuration =
          new StaticConfiguration(
              ConfigKey.AGENT_ID, "serai",
              ConfigKey.AGENT_CONTEXT, "/hawtio/jolokia",
              ConfigKey.ALLOW_ERROR_DETAILS, "false",
              ConfigKey.INCLUDE_STACKTRACE, "false",
              ConfigKey.MAX_DEPTH, "15",
              ConfigKey.MAX_COLLECTION_SIZE, "50000",
              ConfigKey.DISCOVERY_ENABLED, "false");
      services =
          JolokiaServiceManagerFactory.createJolokiaServiceManager(
              configuration, new Log(), policy());
      services.addService(new JolokiaSerializer());
      services.addService(new LocalRequestHandler(1));
      handler = new HttpRequestHandler(services.start());
    }
    return handler;
  }

  private static PolicyRestrictor policy() {
    try (InputStream in = JolokiaBridge.class.getClassLoader().getResourceAsStream(POLICY)) {
      if (in == null) {
        throw new IllegalStateException(POLICY + " is missing; without it the console stays shut");
      }
      return new PolicyRestrictor(in);
    } catch (IOException e) {
      throw new IllegalStateException(POLICY + " cannot be read", e);
    }
  }

  @Override
  public synchronized void close() {
    if (services != null) {
      services.stop();
    }
  }

  private static final class Log implements LogHandler {
    @Override
    public void debug(String message) {
      LOG.debug(message);
    }

    @Override
    public void info(String message) {
      LOG.debug(message);
    }

    @Override
    public void error(String message, Throwable failure) {
      LOG.debug(message, failure);
    }

    @Override
    public boolean isDebug() {
      return LOG.isDebugEnabled();
    }
  }
}
