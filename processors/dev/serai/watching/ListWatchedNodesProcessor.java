package dev.serai.watching;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import java.util.List;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body {@link HttpAnswer} with the ids of all watched nodes, as Keylime lists them. */
final class ListWatchedNodesProcessor implements Processor {
  private final WatchStore store;

  ListWatchedNodesProcessor(WatchStore store) {
    this.store = store;
  }

  @Override
  public void process(Exchange exchange) {
    List<List<String>> ids = store.all().stream().map(node -> List.of(node.nodeId())).toList();
    exchange.getMessage().setBody(HttpAnswer.of(Envelope.success(new Watched(ids))));
  }

  /** Keylime's verifier puts each id into a list of its own. */
  private record Watched(@JsonProperty("uuids") List<List<String>> uuids) {}
}
