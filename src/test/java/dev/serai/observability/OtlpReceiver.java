package dev.serai.observability;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.zip.GZIPInputStream;

/**
 * A collector as far as a test needs one: takes OTLP over HTTP in protobuf and keeps the spans.
 * Field numbers are those of opentelemetry/proto/trace/v1/trace.proto.
 */
final class OtlpReceiver implements AutoCloseable {
  private final HttpServer server;
  final List<Received> spans = new CopyOnWriteArrayList<>();

  /** One span; parent is empty for the first of a trace. */
  record Received(
      String service,
      String traceId,
      String spanId,
      String parent,
      String name,
      Map<String, String> attributes,
      int events) {}

  OtlpReceiver(int port) throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.createContext("/v1/traces", this::take);
    server.start();
  }

  private void take(HttpExchange exchange) throws IOException {
    try (exchange) {
      InputStream in = exchange.getRequestBody();
      boolean zipped = "gzip".equals(exchange.getRequestHeaders().getFirst("Content-Encoding"));
      byte[] body = (zipped ? new GZIPInputStream(in) : in).readAllBytes();
      for (ByteString resourceSpans : field(UnknownFieldSet.parseFrom(body), 1)) {
        take(UnknownFieldSet.parseFrom(resourceSpans));
      }
      exchange.getResponseHeaders().set("Content-Type", "application/x-protobuf");
      exchange.sendResponseHeaders(200, -1);
    }
  }

  private void take(UnknownFieldSet resourceSpans) throws IOException {
    String service = "";
    for (ByteString resource : field(resourceSpans, 1)) {
      service = attributes(UnknownFieldSet.parseFrom(resource), 1).getOrDefault("service.name", "");
    }
    for (ByteString scopeSpans : field(resourceSpans, 2)) {
      for (ByteString encoded : field(UnknownFieldSet.parseFrom(scopeSpans), 2)) {
        UnknownFieldSet span = UnknownFieldSet.parseFrom(encoded);
        spans.add(
            new Received(
                service,
                hex(span, 1),
                hex(span, 2),
                hex(span, 4),
                field(span, 5).get(0).toStringUtf8(),
                attributes(span, 9),
                field(span, 11).size()));
      }
    }
  }

  private static List<ByteString> field(UnknownFieldSet message, int number) {
    return message.getField(number).getLengthDelimitedList();
  }

  private static String hex(UnknownFieldSet message, int number) {
    List<ByteString> values = field(message, number);
    return values.isEmpty() ? "" : HexFormat.of().formatHex(values.get(0).toByteArray());
  }

  private static Map<String, String> attributes(UnknownFieldSet message, int number)
      throws IOException {
    Map<String, String> attributes = new TreeMap<>();
    for (ByteString encoded : field(message, number)) {
      UnknownFieldSet pair = UnknownFieldSet.parseFrom(encoded);
      UnknownFieldSet value = UnknownFieldSet.parseFrom(field(pair, 2).get(0));
      List<ByteString> text = new ArrayList<>(field(value, 1));
      attributes.put(
          field(pair, 1).get(0).toStringUtf8(), text.isEmpty() ? "?" : text.get(0).toStringUtf8());
    }
    return attributes;
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
