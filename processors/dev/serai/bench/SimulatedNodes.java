package dev.serai.bench;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.KeylimeJson;
import dev.serai.keylime.QuoteResults;
import dev.serai.keylime.QuoteString;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmAttestType;
import dev.serai.tpm.spec.TpmConstants;
import dev.serai.tpm.spec.TpmEccCurve;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.spec.TpmScheme;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.PcrBlob;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmtPublic;
import dev.serai.tpm.wire.TpmtSignature;
import dev.serai.tpm.wire.WireWriter;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The agents of any number of nodes behind one port, in Keylime's way. Each quote is made for its
 * nonce and signed, by a key of this process in the place of a TPM's.
 */
final class SimulatedNodes implements AutoCloseable {
  private static final String TRANSPORT_KEY =
      "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n";
  private static final int KEY_PCR = 16;
  private static final int THREADS = 4;

  private final KeyPair key;
  private final TpmtPublic ak;
  private final Bytes signer;
  private final SortedMap<Integer, Bytes> pcrs = new TreeMap<>();
  private final AtomicLong clock = new AtomicLong(100_000);
  private final AtomicLong answered = new AtomicLong();
  private final ExecutorService threads = Executors.newFixedThreadPool(THREADS);
  private final HttpServer server;

  SimulatedNodes(KeyPair key) throws IOException {
    this.key = key;
    this.ak = publicArea(key);
    this.signer =
        ak.name()
            .qualifiedUnder(new WireWriter().uint32(TpmConstants.RH_ENDORSEMENT).toBytes())
            .encoded();
    for (int i = 0; i < 24; i++) {
      pcrs.put(i, Bytes.copyOf(new byte[32]));
    }
    pcrs.put(KEY_PCR, bound());
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024);
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  int port() {
    return server.getAddress().getPort();
  }

  TpmtPublic ak() {
    return ak;
  }

  /** Quotes given so far. */
  long answered() {
    return answered.get();
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = quote(exchange.getRequestURI().getRawQuery());
      exchange.sendResponseHeaders(200, body.length);
      exchange.getResponseBody().write(body);
      answered.incrementAndGet();
    }
  }

  private byte[] quote(String query) {
    String nonce = "";
    int mask = 1 << KEY_PCR;
    for (String pair : query.split("&")) {
      if (pair.startsWith("nonce=")) {
        nonce = pair.substring("nonce=".length());
      } else if (pair.startsWith("mask=")) {
        mask |= Integer.decode(pair.substring("mask=".length()));
      }
    }
    PcrSelection selection = PcrSelection.ofMask(TpmHash.SHA256, mask);
    PcrBlob values = PcrBlob.of(selection, Map.of(TpmHash.SHA256, pcrs));
    Bytes attest =
        new WireWriter()
            .uint32(TpmConstants.GENERATED_VALUE)
            .uint16(TpmAttestType.QUOTE.id())
            .sized(signer)
            .sized(Bytes.ofText(nonce))
            .uint64(clock.addAndGet(10))
            .uint32(5)
            .uint32(1)
            .uint8(1)
            .uint64(0x2019102300163636L)
            .bytes(selection.encoded())
            .sized(values.digest(TpmHash.SHA256))
            .toBytes();
    QuoteString quote = new QuoteString(attest, sign(attest), values.encoded());
    return KeylimeJson.write(
            Envelope.success(
                new QuoteResults(
                    quote.encode(),
                    "sha256",
                    "ecc256",
                    "ecdsa",
                    Optional.of(TRANSPORT_KEY),
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty())))
        .toArray();
  }

  private Bytes sign(Bytes message) {
    try {
      Signature signature = Signature.getInstance("SHA256withECDSAinP1363Format");
      signature.initSign(key.getPrivate());
      signature.update(message.toArray());
      Bytes both = Bytes.copyOf(signature.sign());
      return new TpmtSignature.Ecdsa(TpmHash.SHA256, both.slice(0, 32), both.slice(32, 32))
          .encoded();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Bytes bound() {
    MessageDigest text = TpmHash.SHA256.newDigest();
    Bytes.ofText(TRANSPORT_KEY).writeTo(text);
    MessageDigest pcr = TpmHash.SHA256.newDigest();
    pcr.update(new byte[32]);
    pcr.update(text.digest());
    return Bytes.copyOf(pcr.digest());
  }

  /** TPMT_PUBLIC with the attributes of a recorded AK and this key. */
  private static TpmtPublic publicArea(KeyPair pair) {
    ECPublicKey point = (ECPublicKey) pair.getPublic();
    TpmtPublic recorded = RecordedStatements.p256().ak();
    try {
      return TpmtPublic.parse(
          new WireWriter()
              .uint16(TpmConstants.ALG_ECC)
              .uint16(TpmHash.SHA256.id())
              .uint32(recorded.attributes().bits() & 0xffffffffL)
              .uint16(0)
              .uint16(TpmConstants.ALG_NULL)
              .uint16(TpmScheme.ECDSA.id())
              .uint16(TpmHash.SHA256.id())
              .uint16(TpmEccCurve.P256.id())
              .uint16(TpmConstants.ALG_NULL)
              .sized(unsigned(point.getW().getAffineX()))
              .sized(unsigned(point.getW().getAffineY()))
              .toBytes());
    } catch (MalformedStructureException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Bytes unsigned(BigInteger value) {
    byte[] raw = value.toByteArray();
    byte[] fixed = new byte[32];
    int from = Math.max(0, raw.length - 32);
    System.arraycopy(raw, from, fixed, 32 - (raw.length - from), raw.length - from);
    return Bytes.copyOf(fixed);
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
