package dev.serai.app;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.FileAppender;
import ch.qos.logback.core.LayoutBase;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.encoder.LayoutWrappingEncoder;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.serai.role.TraceId;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import org.slf4j.LoggerFactory;

/** Logs to standard error, one line per event: key=value or JSON, with the flow's trace id. */
public final class LogSetup {
  private LogSetup() {}

  /** Everything from INFO on into a file, as text. */
  public static void applyToFile(Path file) {
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    FileAppender<ILoggingEvent> appender = new FileAppender<>();
    appender.setFile(file.toString());
    start(context, new TextLayout(), appender, Level.INFO);
  }

  /** format: text or json; level: a name of logback's. */
  static void apply(String format, String level) {
    Level least = Level.toLevel(level, null);
    if (least == null) {
      throw LayeredSettings.invalid("serai.log.level is \"" + level + "\", which is no level");
    }
    LayoutBase<ILoggingEvent> layout =
        switch (format) {
          case "text" -> new TextLayout();
          case "json" -> new JsonLayout();
          default ->
              throw LayeredSettings.invalid(
                  "serai.log.format is \"" + format + "\", which is neither text nor json");
        };
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    ConsoleAppender<ILoggingEvent> appender = new ConsoleAppender<>();
    appender.setTarget("System.err");
    start(context, layout, appender, least);
  }

  private static void start(
      LoggerContext context,
      LayoutBase<ILoggingEvent> layout,
      OutputStreamAppender<ILoggingEvent> appender,
      Level least) {
    context.reset();
    layout.setContext(context);
    layout.start();
    LayoutWrappingEncoder<ILoggingEvent> encoder = new LayoutWrappingEncoder<>();
    encoder.setContext(context);
    encoder.setCharset(StandardCharsets.UTF_8);
    encoder.setLayout(layout);
    encoder.start();
    appender.setContext(context);
    appender.setEncoder(encoder);
    appender.start();
    Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
    root.addAppender(appender);
    root.setLevel(least.isGreaterOrEqual(Level.WARN) ? least : Level.WARN);
    context.getLogger("dev.serai").setLevel(least);
    // Anybody who can connect could fill the log with failed handshakes; a machine without network
    // has no hardware address to seed an id with.
    context
        .getLogger(
            "org.apache.camel.component.netty.http.handlers.HttpServerMultiplexChannelHandler")
        .setLevel(Level.ERROR);
    context.getLogger("io.netty.util.internal.MacAddressUtil").setLevel(Level.ERROR);
    if (!least.isGreaterOrEqual(Level.INFO)) {
      context.getLogger("org.apache.camel").setLevel(Level.INFO);
    }
  }

  /** time=... level=... trace=... logger=... msg="..." */
  static final class TextLayout extends LayoutBase<ILoggingEvent> {
    @Override
    public String doLayout(ILoggingEvent event) {
      StringBuilder line = new StringBuilder(160);
      line.append("time=").append(Instant.ofEpochMilli(event.getTimeStamp()));
      line.append(" level=").append(event.getLevel());
      String trace = event.getMDCPropertyMap().get(TraceId.VARIABLE);
      if (trace != null) {
        line.append(" trace=").append(trace);
      }
      line.append(" logger=").append(event.getLoggerName());
      line.append(" thread=\"").append(event.getThreadName()).append('"');
      line.append(" msg=\"").append(escaped(event.getFormattedMessage())).append('"');
      if (event.getThrowableProxy() != null) {
        line.append(" error=\"")
            .append(escaped(ThrowableProxyUtil.asString(event.getThrowableProxy())))
            .append('"');
      }
      return line.append('\n').toString();
    }

    /** One line whatever was in it: nobody writes a second log line through a message. */
    static String escaped(String text) {
      StringBuilder out = new StringBuilder(text.length() + 16);
      for (int i = 0; i < text.length(); i++) {
        char c = text.charAt(i);
        switch (c) {
          case '"' -> out.append("\\\"");
          case '\\' -> out.append("\\\\");
          case '\n' -> out.append("\\n");
          case '\t' -> out.append("\\t");
          default -> out.append(Character.isISOControl(c) ? ' ' : c);
        }
      }
      return out.toString();
    }
  }

  /** The same as one JSON object. */
  static final class JsonLayout extends LayoutBase<ILoggingEvent> {
    private static final JsonFactory JSON = new JsonFactory();

    @Override
    public String doLayout(ILoggingEvent event) {
      StringWriter line = new StringWriter(200);
      try (JsonGenerator json = JSON.createGenerator(line)) {
        json.writeStartObject();
        json.writeStringField("time", Instant.ofEpochMilli(event.getTimeStamp()).toString());
        json.writeStringField("level", event.getLevel().toString());
        String trace = event.getMDCPropertyMap().get(TraceId.VARIABLE);
        if (trace != null) {
          json.writeStringField("trace", trace);
        }
        json.writeStringField("logger", event.getLoggerName());
        json.writeStringField("thread", event.getThreadName());
        json.writeStringField("msg", event.getFormattedMessage());
        if (event.getThrowableProxy() != null) {
          json.writeStringField("error", ThrowableProxyUtil.asString(event.getThrowableProxy()));
        }
        json.writeEndObject();
      } catch (IOException e) {
        throw new IllegalStateException(e); // a string does not fail
      }
      return line.append('\n').toString();
    }
  }
}
