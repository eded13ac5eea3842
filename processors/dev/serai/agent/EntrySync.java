package dev.serai.agent;

import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.entry.v1.EntryRevision;
import dev.serai.proto.spire.entry.v1.SyncAuthorizedEntriesRequest;
import dev.serai.proto.spire.entry.v1.SyncAuthorizedEntriesResponse;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.EntryMask;
import io.grpc.Channel;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * One conversation of SyncAuthorizedEntries: the issuer sends all entries, or, when there are many,
 * their revisions, of which the agent asks for those it does not have.
 */
final class EntrySync {
  /** As many as SPIRE takes in one request. */
  private static final int PAGE = 500;

  /** More than any node hands out; an issuer that sends more is not followed. */
  private static final int MOST = 1_000_000;

  private static final EntryMask MASK =
      EntryMask.newBuilder()
          .setSpiffeId(true)
          .setSelectors(true)
          .setFederatesWith(true)
          .setAdmin(true)
          .setDownstream(true)
          .setRevisionNumber(true)
          .setStoreSvid(true)
          .setHint(true)
          .setAdditionalAttributes(true)
          .setCreatedAt(true)
          .build();

  private EntrySync() {}

  /** All entries of this node. known: those of the last time, by id. */
  static List<Entry> run(Channel channel, Map<String, Entry> known, Duration patience) {
    try (BidiCall<SyncAuthorizedEntriesRequest, SyncAuthorizedEntriesResponse> call =
        BidiCall.open(
            EntryGrpc.newStub(channel).withDeadlineAfter(patience.toMillis(), TimeUnit.MILLISECONDS)
                ::syncAuthorizedEntries)) {
      call.send(SyncAuthorizedEntriesRequest.newBuilder().setOutputMask(MASK).build());
      SyncAuthorizedEntriesResponse first = next(call, patience);
      List<Entry> entries =
          first.getEntryRevisionsCount() == 0 && !first.getMore()
              ? first.getEntriesList()
              : byRevision(call, first, known, patience);
      call.complete();
      return entries;
    }
  }

  private static List<Entry> byRevision(
      BidiCall<SyncAuthorizedEntriesRequest, SyncAuthorizedEntriesResponse> call,
      SyncAuthorizedEntriesResponse first,
      Map<String, Entry> known,
      Duration patience) {
    Map<String, Entry> all = new TreeMap<>();
    List<String> wanted = new ArrayList<>();
    SyncAuthorizedEntriesResponse page = first;
    while (true) {
      if (page.getEntriesCount() > 0) {
        throw unexpected("entries where revisions were expected");
      }
      for (EntryRevision revision : page.getEntryRevisionsList()) {
        Entry have = known.get(revision.getId());
        if (have != null
            && have.getRevisionNumber() == revision.getRevisionNumber()
            && have.getCreatedAt() == revision.getCreatedAt()) {
          all.put(revision.getId(), have);
        } else {
          wanted.add(revision.getId());
        }
        if (all.size() + wanted.size() > MOST) {
          throw unexpected("more than " + MOST + " entries");
        }
      }
      if (!page.getMore()) {
        break;
      }
      page = next(call, patience);
    }
    wanted.sort(null);
    for (int from = 0; from < wanted.size(); from += PAGE) {
      List<String> ids = wanted.subList(from, Math.min(from + PAGE, wanted.size()));
      call.send(SyncAuthorizedEntriesRequest.newBuilder().addAllIds(ids).build());
      do {
        page = next(call, patience);
        page.getEntriesList().forEach(entry -> all.put(entry.getId(), entry));
      } while (page.getMore());
    }
    return new ArrayList<>(all.values());
  }

  private static SyncAuthorizedEntriesResponse next(
      BidiCall<SyncAuthorizedEntriesRequest, SyncAuthorizedEntriesResponse> call,
      Duration patience) {
    return call.next(patience).orElseThrow(() -> unexpected("the end of the stream"));
  }

  private static RuntimeException unexpected(String what) {
    return Status.INTERNAL.withDescription("it sent " + what).asRuntimeException();
  }
}
