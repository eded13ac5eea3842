package dev.serai.issuing;

import com.google.protobuf.Message;
import dev.serai.proto.spire.entry.v1.EntryRevision;
import dev.serai.proto.spire.entry.v1.GetAuthorizedEntriesRequest;
import dev.serai.proto.spire.entry.v1.GetAuthorizedEntriesResponse;
import dev.serai.proto.spire.entry.v1.SyncAuthorizedEntriesRequest;
import dev.serai.proto.spire.entry.v1.SyncAuthorizedEntriesResponse;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.EntryMask;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;

/** What an agent may hand out, whole or in pages. Pages hold no entry of another agent. */
final class EntrySync {
  /** Entries or revisions in one message. */
  static final int PAGE = 500;

  private static final String CONVERSATION = "entrySync";

  private final EntryIndex index;
  private final InstantSource clock;

  EntrySync(EntryIndex index, InstantSource clock) {
    this.index = index;
    this.clock = clock;
  }

  /** The snapshot one conversation is about. */
  private record Conversation(
      NavigableMap<String, RegisteredEntry> entries, boolean masked, EntryMask mask) {
    Entry message(RegisteredEntry entry) {
      return FieldMasks.masked(entry.message(), masked, mask);
    }
  }

  GetAuthorizedEntriesResponse all(Caller.Agent caller, GetAuthorizedEntriesRequest request) {
    GetAuthorizedEntriesResponse.Builder response = GetAuthorizedEntriesResponse.newBuilder();
    authorized(caller)
        .values()
        .forEach(
            entry ->
                response.addEntries(
                    FieldMasks.masked(
                        entry.message(), request.hasOutputMask(), request.getOutputMask())));
    return response.build();
  }

  /** Answers to one message of a conversation, whose memory is the attributes. */
  List<Message> answer(
      Caller.Agent caller, SyncAuthorizedEntriesRequest request, Map<String, Object> attributes) {
    if (attributes.get(CONVERSATION) instanceof Conversation open) {
      return wanted(open, request.getIdsList());
    }
    if (request.getIdsCount() > 0) {
      throw malformed("specifying IDs on initial request is not supported");
    }
    if (request.hasOutputMask() && !request.getOutputMask().getRevisionNumber()) {
      throw malformed("revision number cannot be masked");
    }
    Conversation opened =
        new Conversation(authorized(caller), request.hasOutputMask(), request.getOutputMask());
    attributes.put(CONVERSATION, opened);
    return opened.entries().size() <= PAGE ? List.of(everything(opened)) : revisions(opened);
  }

  private static Message everything(Conversation open) {
    SyncAuthorizedEntriesResponse.Builder response = SyncAuthorizedEntriesResponse.newBuilder();
    open.entries().values().forEach(entry -> response.addEntries(open.message(entry)));
    return response.build();
  }

  private static List<Message> revisions(Conversation open) {
    List<Message> pages = new ArrayList<>();
    SyncAuthorizedEntriesResponse.Builder page = SyncAuthorizedEntriesResponse.newBuilder();
    for (RegisteredEntry entry : open.entries().values()) {
      if (page.getEntryRevisionsCount() == PAGE) {
        pages.add(page.setMore(true).build());
        page = SyncAuthorizedEntriesResponse.newBuilder();
      }
      page.addEntryRevisions(
          EntryRevision.newBuilder()
              .setId(entry.id())
              .setRevisionNumber(entry.message().getRevisionNumber())
              .setCreatedAt(entry.message().getCreatedAt()));
    }
    pages.add(page.build());
    return pages;
  }

  private static List<Message> wanted(Conversation open, List<String> ids) {
    List<Message> pages = new ArrayList<>();
    SyncAuthorizedEntriesResponse.Builder page = SyncAuthorizedEntriesResponse.newBuilder();
    for (String id : ids) {
      RegisteredEntry entry = open.entries().get(id);
      if (entry == null) {
        continue;
      }
      if (page.getEntriesCount() == PAGE) {
        pages.add(page.setMore(true).build());
        page = SyncAuthorizedEntriesResponse.newBuilder();
      }
      page.addEntries(open.message(entry));
    }
    pages.add(page.build());
    return pages;
  }

  private NavigableMap<String, RegisteredEntry> authorized(Caller.Agent caller) {
    return index.authorized(caller.node().id(), caller.node().selectors(), clock.instant());
  }

  private static RefusalException malformed(String detail) {
    return new RefusalException(ReasonCode.MALFORMED_REQUEST, detail);
  }
}
