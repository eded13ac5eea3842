package dev.serai.audit;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.audit.HeadFile.Head;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/**
 * A log as lines of JSON: one header, then segments, checkpoints, the head, the records, and a last
 * line that counts them. Hashes are in the lines, so that anybody can compute them again.
 */
public final class AuditExport implements AuditSource {
  private static final int FORMAT = 1;
  private static final int LONGEST_LINE = 1 << 20;

  /** A line says each thing once, and nothing after it. */
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final Path file;

  public AuditExport(Path file) {
    this.file = file;
  }

  /** Writes all of a source. Answers the number of records. */
  public static long write(AuditSource source, PrintWriter out, Instant now) {
    Writer writer = new Writer(out);
    out.println(
        JSON.createObjectNode()
            .put("type", "serai-audit-export")
            .put("format", FORMAT)
            .put("at", now.toString()));
    source.read(writer);
    out.println(
        JSON.createObjectNode()
            .put("type", "end")
            .put("records", writer.records)
            .put("sequence", writer.sequence)
            .put("hash", writer.hash));
    out.flush();
    if (out.checkError()) {
      throw new RefusalException(ReasonCode.AUDIT_UNAVAILABLE, "the export cannot be written");
    }
    return writer.records;
  }

  private static final class Writer implements Reader {
    private final PrintWriter out;
    private long records;
    private long sequence;
    private String hash = "";

    Writer(PrintWriter out) {
      this.out = out;
    }

    @Override
    public void segment(ChainSegment segment) {
      out.println(
          JSON.createObjectNode()
              .put("type", "segment")
              .put("chain", segment.chainId())
              .put("first", segment.firstSequence())
              .put("trustDomain", segment.trustDomain())
              .put("startedAt", segment.startedAt().toEpochMilli())
              .put("cause", segment.cause().name())
              .put("previousChain", segment.previousChain())
              .put("previousSequence", segment.previousSequence())
              .put("previousHash", segment.previousHash().toHex()));
    }

    @Override
    public void checkpoint(Checkpoint checkpoint) {
      ObjectNode line =
          JSON.createObjectNode()
              .put("type", "checkpoint")
              .put("sequence", checkpoint.sequence())
              .put("chain", checkpoint.chainId())
              .put("hash", checkpoint.hash().toHex())
              .put("at", checkpoint.at().toEpochMilli())
              .put("pruned", checkpoint.pruned());
      checkpoint
          .signed()
          .ifPresent(
              signed ->
                  line.put("statement", signed.statement().toHex())
                      .put("signature", signed.signature().toHex())
                      .put("ak", signed.ak().toHex()));
      out.println(line);
    }

    @Override
    public void head(Head head) {
      out.println(
          JSON.createObjectNode()
              .put("type", "head")
              .put("chain", head.chainId())
              .put("sequence", head.sequence())
              .put("hash", head.hash().toHex()));
    }

    @Override
    public void record(AuditRecord record) {
      out.println(
          JSON.createObjectNode()
              .put("type", "record")
              .put("sequence", record.sequence())
              .put("at", record.at().toEpochMilli())
              .put("kind", record.kind())
              .put("subject", record.subject())
              .put("actor", record.actor())
              .put("trace", record.trace())
              .put("reasons", record.reasons())
              .put("detail", record.detail())
              .put("hash", record.hash().toHex()));
      records++;
      sequence = record.sequence();
      hash = record.hash().toHex();
    }
  }

  @Override
  public void read(Reader reader) {
    try (BufferedReader lines = Files.newBufferedReader(file)) {
      JsonNode line = next(lines).orElseThrow(() -> broken("it is empty"));
      if (!line.path("type").asText().equals("serai-audit-export")
          || line.path("format").asInt() != FORMAT) {
        throw broken("it does not begin as an export does");
      }
      long records = 0;
      String hash = "";
      while (true) {
        Optional<JsonNode> more = next(lines);
        if (more.isEmpty()) {
          throw new RefusalException(
              ReasonCode.AUDIT_TRUNCATED, "the export has no last line: it was cut");
        }
        line = more.get();
        switch (text(line, "type")) {
          case "segment" -> reader.segment(segment(line));
          case "checkpoint" -> reader.checkpoint(checkpoint(line));
          case "head" ->
              reader.head(
                  new Head(text(line, "chain"), number(line, "sequence"), bytes(line, "hash")));
          case "record" -> {
            AuditRecord record = record(line);
            records++;
            hash = record.hash().toHex();
            reader.record(record);
          }
          case "end" -> {
            if (number(line, "records") != records || !text(line, "hash").equals(hash)) {
              throw new RefusalException(
                  ReasonCode.AUDIT_TRUNCATED,
                  "the export has %d records, its last line says %d"
                      .formatted(records, number(line, "records")));
            }
            if (next(lines).isPresent()) {
              throw broken("something stands after the last line");
            }
            return;
          }
          default -> throw broken("a line of an unknown type");
        }
      }
    } catch (CharacterCodingException e) {
      throw broken("it is no text");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    } catch (IllegalArgumentException e) {
      throw broken("a line cannot be read: " + e.getMessage());
    }
  }

  private static Optional<JsonNode> next(BufferedReader lines) throws IOException {
    String line = line(lines);
    if (line.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(JSON.readTree(line));
    } catch (JsonProcessingException e) {
      throw new RefusalException(
          ReasonCode.AUDIT_TRUNCATED, "a line of the export is not whole JSON", e);
    }
  }

  /** With its end; empty after the last one. Never more of it than a line may have. */
  private static String line(BufferedReader lines) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int next = lines.read(); next >= 0; next = lines.read()) {
      line.append((char) next);
      if (next == '\n') {
        break;
      }
      if (line.length() > LONGEST_LINE) {
        throw broken("a line is longer than " + LONGEST_LINE);
      }
    }
    return line.toString();
  }

  private static ChainSegment segment(JsonNode line) {
    return new ChainSegment(
        text(line, "chain"),
        number(line, "first"),
        text(line, "trustDomain"),
        Instant.ofEpochMilli(number(line, "startedAt")),
        ChainSegment.Cause.valueOf(text(line, "cause")),
        text(line, "previousChain"),
        number(line, "previousSequence"),
        bytes(line, "previousHash"));
  }

  private static Checkpoint checkpoint(JsonNode line) {
    return new Checkpoint(
        number(line, "sequence"),
        text(line, "chain"),
        bytes(line, "hash"),
        Instant.ofEpochMilli(number(line, "at")),
        line.path("pruned").asBoolean(),
        line.has("statement")
            ? Optional.of(
                new SignedCheckpoint(
                    bytes(line, "statement"), bytes(line, "signature"), bytes(line, "ak")))
            : Optional.empty());
  }

  private static AuditRecord record(JsonNode line) {
    return new AuditRecord(
        number(line, "sequence"),
        Instant.ofEpochMilli(number(line, "at")),
        text(line, "kind"),
        text(line, "subject"),
        text(line, "actor"),
        text(line, "trace"),
        text(line, "reasons"),
        text(line, "detail"),
        bytes(line, "hash"));
  }

  private static String text(JsonNode line, String name) {
    if (!line.path(name).isTextual()) {
      throw broken("a line without " + name);
    }
    return line.path(name).textValue();
  }

  private static long number(JsonNode line, String name) {
    if (!line.path(name).isIntegralNumber()) {
      throw broken("a line without " + name);
    }
    return line.path(name).longValue();
  }

  private static Bytes bytes(JsonNode line, String name) {
    return Bytes.ofHex(text(line, name));
  }

  private static RefusalException broken(String detail) {
    return new RefusalException(ReasonCode.AUDIT_CHAIN_BROKEN, "the export: " + detail);
  }

  @Override
  public void close() {
    // nothing is open between two reads
  }
}
