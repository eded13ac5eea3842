package dev.serai.watching;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.serai.appraisal.NodeRecord;
import dev.serai.appraisal.SoftwareTpm;
import dev.serai.keylime.ApiVersion;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.KeylimeJson;
import dev.serai.keylime.QuoteResults;
import dev.serai.keylime.QuoteString;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.TpmClock;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.spec.TpmScheme;
import dev.serai.tpm.wire.PcrBlob;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmaObject;
import dev.serai.tpm.wire.TpmaObject.Attribute;
import dev.serai.tpm.wire.TpmtPublic;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The agent side of Keylime's pull, with keys of this JVM. One server stands for any number of
 * nodes. Fields are for tests to set; what is left makes good quotes.
 */
final class FakeAgent implements AutoCloseable {
  static final TpmtPublic EK =
      SoftwareTpm.publicArea(
          SoftwareTpm.EK_P256,
          TpmaObject.of(
              Attribute.FIXED_TPM,
              Attribute.FIXED_PARENT,
              Attribute.SENSITIVE_DATA_ORIGIN,
              Attribute.RESTRICTED,
              Attribute.DECRYPT),
          TpmScheme.NULL);
  static final TpmtPublic AK =
      SoftwareTpm.publicArea(SoftwareTpm.P256, SoftwareTpm.AK_ATTRIBUTES, TpmScheme.ECDSA);

  final SortedMap<Integer, Bytes> pcrs = new TreeMap<>();
  final List<String> requests = new CopyOnWriteArrayList<>();
  final AtomicInteger quotes = new AtomicInteger();
  volatile KeyPair signer = SoftwareTpm.P256;
  volatile TpmClock clock = new TpmClock(100_000, 5, 1, true);
  volatile boolean countClock = true;
  volatile Optional<String> nonce = Optional.empty();
  volatile Optional<String> key = Optional.of("-----BEGIN PUBLIC KEY-----\nAA==\n");
  volatile String boundKey = "-----BEGIN PUBLIC KEY-----\nAA==\n";
  volatile Optional<String> speaksOnly = Optional.empty();
  volatile int status = 200;
  volatile Optional<byte[]> body = Optional.empty();
  private final HttpServer server;
  private final ExecutorService threads = Executors.newFixedThreadPool(4);

  FakeAgent() {
    for (int i = 0; i < 24; i++) {
      pcrs.put(i, Bytes.copyOf(new byte[32]));
    }
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 100);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  int port() {
    return server.getAddress().getPort();
  }

  NodeRecord node(String id) {
    return new NodeRecord(
        id, EK, AK, NodeRecord.Standing.ACTIVATED, "127.0.0.1", port(), Optional.of("disabled"));
  }

  private void answer(HttpExchange exchange) throws IOException {
    requests.add(exchange.getRequestURI().toString());
    String path = exchange.getRequestURI().getPath();
    byte[] out;
    int code = status;
    if (path.equals("/version")) {
      out =
          ("{\"code\":200,\"status\":\"Success\",\"results\":{\"supported_version\":\""
                  + speaksOnly.orElse("2.5")
                  + "\"}}")
              .getBytes(StandardCharsets.UTF_8);
    } else if (speaksOnly.isPresent() && !path.startsWith("/v" + speaksOnly.get() + "/")) {
      code = 400;
      out = KeylimeJson.write(Envelope.bare(400, ApiVersion.NOT_SUPPORTED)).toArray();
    } else if (path.endsWith("/quotes/integrity")) {
      out = body.isPresent() ? body.get() : quote(query(exchange));
      quotes.incrementAndGet();
    } else {
      code = 404;
      out = new byte[0];
    }
    exchange.sendResponseHeaders(code, out.length == 0 ? -1 : out.length);
    exchange.getResponseBody().write(out);
    exchange.close();
  }

  private static Map<String, String> query(HttpExchange exchange) {
    Map<String, String> query = new HashMap<>();
    for (String pair : exchange.getRequestURI().getRawQuery().split("&")) {
      query.put(pair.split("=")[0], pair.split("=")[1]);
    }
    return query;
  }

  private synchronized byte[] quote(Map<String, String> query) {
    if (countClock) {
      clock =
          new TpmClock(
              clock.clockMillis() + 10, clock.resetCount(), clock.restartCount(), clock.safe());
    }
    int mask = Integer.decode(query.get("mask")) | 1 << 16;
    PcrSelection selection = PcrSelection.ofMask(TpmHash.SHA256, mask);
    pcrs.put(16, bound());
    PcrBlob values = PcrBlob.of(selection, Map.of(TpmHash.SHA256, pcrs));
    Bytes attest =
        SoftwareTpm.quote(
            SoftwareTpm.endorsementPrimary(AK),
            Bytes.ofText(nonce.orElse(query.get("nonce"))),
            clock,
            selection,
            values.digest(TpmHash.SHA256));
    QuoteString quote = new QuoteString(attest, SoftwareTpm.sign(signer, attest), values.encoded());
    return KeylimeJson.write(
            Envelope.success(
                new QuoteResults(
                    quote.encode(),
                    "sha256",
                    "ecc256",
                    "ecdsa",
                    key,
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty())))
        .toArray();
  }

  private Bytes bound() {
    MessageDigest text = TpmHash.SHA256.newDigest();
    Bytes.ofText(boundKey).writeTo(text);
    MessageDigest pcr = TpmHash.SHA256.newDigest();
    pcr.update(new byte[32]);
    pcr.update(text.digest());
    return Bytes.copyOf(pcr.digest());
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
