package dev.serai.issuing;

import com.google.rpc.Code;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryResponse;
import dev.serai.proto.spire.entry.v1.BatchDeleteEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchDeleteEntryResponse;
import dev.serai.proto.spire.entry.v1.BatchUpdateEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchUpdateEntryResponse;
import dev.serai.proto.spire.entry.v1.CountEntriesRequest;
import dev.serai.proto.spire.entry.v1.CountEntriesResponse;
import dev.serai.proto.spire.entry.v1.GetEntryRequest;
import dev.serai.proto.spire.entry.v1.ListEntriesRequest;
import dev.serai.proto.spire.entry.v1.ListEntriesResponse;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.Status;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.util.Optional;
import java.util.Set;

/** Registration entries as administrators keep them. */
final class EntryAdministration {
  private static final int MAX_PAGE = 1_000;

  private final EntryStore entries;

  EntryAdministration(EntryStore entries) {
    this.entries = entries;
  }

  CountEntriesResponse count(Caller.Local caller, CountEntriesRequest request) {
    ListEntriesRequest.Filter filter;
    try {
      filter = ListEntriesRequest.Filter.parseFrom(request.getFilter().toByteString());
    } catch (com.google.protobuf.InvalidProtocolBufferException e) {
      throw new IllegalStateException("the filters of count and list differ", e);
    }
    long count = entries.index().all().stream().filter(entry -> matches(filter, entry)).count();
    return CountEntriesResponse.newBuilder().setCount((int) count).build();
  }

  ListEntriesResponse list(Caller.Local caller, ListEntriesRequest request) {
    if (request.getPageSize() < 0) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, "page size is negative");
    }
    int page =
        request.getPageSize() == 0 ? Integer.MAX_VALUE : Math.min(request.getPageSize(), MAX_PAGE);
    ListEntriesResponse.Builder response = ListEntriesResponse.newBuilder();
    String last = "";
    for (RegisteredEntry entry : entries.index().after(request.getPageToken())) {
      if (!matches(request.getFilter(), entry)) {
        continue;
      }
      if (response.getEntriesCount() == page) {
        return response.setNextPageToken(last).build();
      }
      response.addEntries(
          FieldMasks.masked(entry.message(), request.hasOutputMask(), request.getOutputMask()));
      last = entry.id();
    }
    return response.build();
  }

  Entry get(Caller.Local caller, GetEntryRequest request) {
    if (request.getId().isEmpty()) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, "missing ID");
    }
    RegisteredEntry entry =
        entries
            .index()
            .find(request.getId())
            .orElseThrow(() -> new RefusalException(ReasonCode.ENTRY_UNKNOWN, "entry not found"));
    return FieldMasks.masked(entry.message(), request.hasOutputMask(), request.getOutputMask());
  }

  BatchCreateEntryResponse create(Caller.Local caller, BatchCreateEntryRequest request) {
    BatchCreateEntryResponse.Builder response = BatchCreateEntryResponse.newBuilder();
    for (Entry wished : request.getEntriesList()) {
      BatchCreateEntryResponse.Result.Builder result = response.addResultsBuilder();
      try {
        EntryStore.Created created = entries.create(wished);
        result
            .setStatus(
                created.isNew()
                    ? status(Code.OK, "OK")
                    : status(Code.ALREADY_EXISTS, "similar entry already exists"))
            .setEntry(
                FieldMasks.masked(
                    created.entry().message(), request.hasOutputMask(), request.getOutputMask()));
      } catch (RefusalException e) {
        result.setStatus(status(e));
      }
    }
    return response.build();
  }

  BatchUpdateEntryResponse update(Caller.Local caller, BatchUpdateEntryRequest request) {
    BatchUpdateEntryResponse.Builder response = BatchUpdateEntryResponse.newBuilder();
    for (Entry wished : request.getEntriesList()) {
      BatchUpdateEntryResponse.Result.Builder result = response.addResultsBuilder();
      if (wished.getId().isEmpty()) {
        result.setStatus(status(Code.INVALID_ARGUMENT, "missing entry ID"));
        continue;
      }
      try {
        Optional<RegisteredEntry> updated =
            entries.update(
                wished.getId(),
                before ->
                    FieldMasks.merged(
                        before, wished, request.hasInputMask(), request.getInputMask()));
        if (updated.isEmpty()) {
          result.setStatus(status(Code.NOT_FOUND, "failed to update entry: not found"));
          continue;
        }
        result
            .setStatus(status(Code.OK, "OK"))
            .setEntry(
                FieldMasks.masked(
                    updated.get().message(), request.hasOutputMask(), request.getOutputMask()));
      } catch (RefusalException e) {
        result.setStatus(status(e));
      }
    }
    return response.build();
  }

  BatchDeleteEntryResponse delete(Caller.Local caller, BatchDeleteEntryRequest request) {
    BatchDeleteEntryResponse.Builder response = BatchDeleteEntryResponse.newBuilder();
    for (String id : request.getIdsList()) {
      BatchDeleteEntryResponse.Result.Builder result = response.addResultsBuilder().setId(id);
      if (id.isEmpty()) {
        result.setStatus(status(Code.INVALID_ARGUMENT, "missing entry ID"));
      } else if (entries.delete(id)) {
        result.setStatus(status(Code.OK, "OK"));
      } else {
        result.setStatus(status(Code.NOT_FOUND, "entry not found"));
      }
    }
    return response.build();
  }

  private static boolean matches(ListEntriesRequest.Filter filter, RegisteredEntry entry) {
    Entry message = entry.message();
    if (filter.hasBySpiffeId() && !filter.getBySpiffeId().equals(message.getSpiffeId())) {
      return false;
    }
    if (filter.hasByParentId() && !filter.getByParentId().equals(message.getParentId())) {
      return false;
    }
    if (filter.hasBySelectors() && !SetMatch.matches(filter.getBySelectors(), entry.selectors())) {
      return false;
    }
    if (filter.hasByFederatesWith()
        && !SetMatch.matches(
            filter.getByFederatesWith(), Set.copyOf(message.getFederatesWithList()))) {
      return false;
    }
    if (filter.hasByHint() && !filter.getByHint().getValue().equals(message.getHint())) {
      return false;
    }
    return !filter.hasByDownstream()
        || filter.getByDownstream().getValue() == message.getDownstream();
  }

  static Status status(Code code, String message) {
    return Status.newBuilder().setCode(code.getNumber()).setMessage(message).build();
  }

  /** A database that is away fails the whole call; what is wrong with one item is its status. */
  private static Status status(RefusalException refusal) {
    return Status.newBuilder()
        .setCode(refusal.reason().code().kind().grpcCode())
        .setMessage(refusal.reason().detail())
        .build();
  }
}
