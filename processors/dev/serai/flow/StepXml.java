package dev.serai.flow;

import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;

/**
 * A step in the form that the console reads. Where Camel's own trace has the body and the headers
 * of the message, this has the trace id and what the step came to.
 */
final class StepXml {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSZ").withZone(ZoneId.systemDefault());

  private final StringBuilder text = new StringBuilder("<backlogTracerEventMessages>");

  void add(long uid, Instant at, String traceId, FlowStep step, String outcome) {
    text.append("<backlogTracerEventMessage>");
    element("uid", Long.toString(uid));
    element("timestamp", TIME.format(at));
    element("routeId", step.routeId());
    element("toNode", step.stepId());
    element("exchangeId", step.exchangeId());
    step.tookNanos().ifPresent(nanos -> element("elapsed", Long.toString(nanos / 1_000_000)));
    text.append("<message exchangeId=\"").append(escaped(step.exchangeId())).append("\"><headers>");
    header("traceId", traceId);
    header("route", step.routeId());
    header("step", step.stepId());
    header("outcome", outcome);
    step.tookNanos().ifPresent(nanos -> header("microseconds", Long.toString(nanos / 1_000)));
    text.append("</headers><body>what messages hold is not shown</body></message>");
    text.append("</backlogTracerEventMessage>");
  }

  String end() {
    return text.append("</backlogTracerEventMessages>").toString();
  }

  private void element(String name, String value) {
    text.append('<').append(name).append('>').append(escaped(value));
    text.append("</").append(name).append('>');
  }

  private void header(String key, String value) {
    text.append("<header key=\"").append(key).append("\" type=\"java.lang.String\">");
    text.append(escaped(value)).append("</header>");
  }

  private static String escaped(String value) {
    return value
        .replaceAll("\\p{Cntrl}", " ")
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
