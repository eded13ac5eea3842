package dev.serai.cli;

import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryResponse;
import dev.serai.proto.spire.entry.v1.BatchDeleteEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchDeleteEntryResponse;
import dev.serai.proto.spire.entry.v1.BatchUpdateEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchUpdateEntryResponse;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.entry.v1.EntryGrpc.EntryBlockingStub;
import dev.serai.proto.spire.entry.v1.GetEntryRequest;
import dev.serai.proto.spire.entry.v1.ListEntriesRequest;
import dev.serai.proto.spire.entry.v1.ListEntriesResponse;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.EntryMask;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.proto.spire.types.Status;
import dev.serai.spiffe.InvalidSpiffeIdException;
import dev.serai.spiffe.SpiffeId;
import io.grpc.ManagedChannel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** serai entry ... */
final class EntryCommands {
  private static final int PAGE = 500;

  private EntryCommands() {}

  static Map<String, Callable<Integer>> all(Sockets sockets) {
    Map<String, Callable<Integer>> verbs = new LinkedHashMap<>();
    verbs.put("create", new Create(sockets));
    verbs.put("list", new ListAll(sockets));
    verbs.put("show", new Show(sockets));
    verbs.put("update", new Update(sockets));
    verbs.put("delete", new Delete(sockets));
    return verbs;
  }

  /** What every verb here has. */
  private abstract static class Verb implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin Connection connection;

    @Option(names = "--json", description = "as JSON")
    boolean json;

    final Sockets sockets;

    Verb(Sockets sockets) {
      this.sockets = sockets;
    }

    <T> T ask(Function<EntryBlockingStub, T> question) {
      ManagedChannel channel = connection.admin(sockets);
      try {
        return question.apply(
            EntryGrpc.newBlockingStub(channel)
                .withDeadlineAfter(Connection.DEADLINE_SECONDS, TimeUnit.SECONDS));
      } finally {
        Connection.close(channel);
      }
    }

    int print(Entry entry) {
      Map<String, Object> view = view(entry);
      Output.out(spec).print(json ? Output.json(view) + "\n" : Output.facts(view));
      Output.out(spec).flush();
      return 0;
    }
  }

  /** The fields of an entry as options. */
  private static final class Fields {
    @Option(names = "--spiffe-id", paramLabel = "ID", description = "identity that is given")
    private String spiffeId;

    @Option(names = "--parent-id", paramLabel = "ID", description = "node that may give it")
    private String parentId;

    @Option(
        names = "--selector",
        paramLabel = "TYPE:VALUE",
        description = "for instance unix:uid:1000; all must hold")
    private List<String> selectors;

    @Option(names = "--ttl", paramLabel = "SECONDS", description = "life of an X.509-SVID")
    private Integer ttl;

    @Option(names = "--jwt-ttl", paramLabel = "SECONDS", description = "life of a JWT-SVID")
    private Integer jwtTtl;

    @Option(
        names = "--jwt-jti",
        arity = "0..1",
        fallbackValue = "true",
        paramLabel = "BOOL",
        description = "an id in each JWT-SVID; agents then keep none")
    private Boolean jwtJti;

    @Option(names = "--dns", paramLabel = "NAME", description = "DNS name in the X.509-SVID")
    private List<String> dnsNames;

    @Option(names = "--federates-with", paramLabel = "DOMAIN")
    private List<String> federatesWith;

    @Option(names = "--hint", paramLabel = "TEXT", description = "tells several identities apart")
    private String hint;

    @Option(names = "--expires-at", paramLabel = "EPOCH_SECONDS")
    private Long expiresAt;

    @Option(names = "--admin", arity = "0..1", fallbackValue = "true", paramLabel = "BOOL")
    private Boolean admin;

    @Option(names = "--downstream", arity = "0..1", fallbackValue = "true", paramLabel = "BOOL")
    private Boolean downstream;

    /** Sets what was given, and says in the mask what that was. */
    void apply(CommandSpec spec, Entry.Builder entry, EntryMask.Builder mask) {
      if (spiffeId != null) {
        entry.setSpiffeId(id(spec, spiffeId));
        mask.setSpiffeId(true);
      }
      if (parentId != null) {
        entry.setParentId(id(spec, parentId));
        mask.setParentId(true);
      }
      if (selectors != null) {
        entry.clearSelectors();
        selectors.forEach(text -> entry.addSelectors(selector(spec, text)));
        mask.setSelectors(true);
      }
      if (ttl != null) {
        entry.setX509SvidTtl(ttl);
        mask.setX509SvidTtl(true);
      }
      if (jwtTtl != null) {
        entry.setJwtSvidTtl(jwtTtl);
        mask.setJwtSvidTtl(true);
      }
      if (jwtJti != null) {
        entry.getAdditionalAttributesBuilder().setJwtSvidIncludeJti(jwtJti);
        mask.setAdditionalAttributes(true);
      }
      if (dnsNames != null) {
        entry.clearDnsNames().addAllDnsNames(dnsNames);
        mask.setDnsNames(true);
      }
      if (federatesWith != null) {
        entry.clearFederatesWith().addAllFederatesWith(federatesWith);
        mask.setFederatesWith(true);
      }
      if (hint != null) {
        entry.setHint(hint);
        mask.setHint(true);
      }
      if (expiresAt != null) {
        entry.setExpiresAt(expiresAt);
        mask.setExpiresAt(true);
      }
      if (admin != null) {
        entry.setAdmin(admin);
        mask.setAdmin(true);
      }
      if (downstream != null) {
        entry.setDownstream(downstream);
        mask.setDownstream(true);
      }
    }
  }

  private static SPIFFEID id(CommandSpec spec, String text) {
    try {
      SpiffeId.parse(text);
    } catch (InvalidSpiffeIdException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
    String rest = text.substring("spiffe://".length());
    int slash = rest.indexOf('/');
    return SPIFFEID
        .newBuilder()
        .setTrustDomain(slash < 0 ? rest : rest.substring(0, slash))
        .setPath(slash < 0 ? "" : rest.substring(slash))
        .build();
  }

  private static Selector selector(CommandSpec spec, String text) {
    int colon = text.indexOf(':');
    if (colon < 1 || colon == text.length() - 1) {
      throw new ParameterException(
          spec.commandLine(), "a selector is TYPE:VALUE, for instance unix:uid:1000, not " + text);
    }
    return Selector.newBuilder()
        .setType(text.substring(0, colon))
        .setValue(text.substring(colon + 1))
        .build();
  }

  static String text(SPIFFEID id) {
    return "spiffe://" + id.getTrustDomain() + id.getPath();
  }

  static Map<String, Object> view(Entry entry) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("id", entry.getId());
    view.put("spiffeId", text(entry.getSpiffeId()));
    view.put("parentId", text(entry.getParentId()));
    view.put(
        "selectors",
        entry.getSelectorsList().stream().map(s -> s.getType() + ":" + s.getValue()).toList());
    view.put("x509SvidTtl", entry.getX509SvidTtl());
    view.put("jwtSvidTtl", entry.getJwtSvidTtl());
    view.put("jwtSvidJti", entry.getAdditionalAttributes().getJwtSvidIncludeJti());
    view.put("dnsNames", List.copyOf(entry.getDnsNamesList()));
    view.put("federatesWith", List.copyOf(entry.getFederatesWithList()));
    view.put("hint", entry.getHint());
    view.put("admin", entry.getAdmin());
    view.put("downstream", entry.getDownstream());
    view.put("revision", entry.getRevisionNumber());
    view.put("expiresAt", Output.time(entry.getExpiresAt() * 1000));
    view.put("createdAt", Output.time(entry.getCreatedAt() * 1000));
    return view;
  }

  private static void requireOk(Status status) {
    if (status.getCode() != 0) {
      throw CommandFailure.ofStatus(status.getCode(), status.getMessage());
    }
  }

  @Command(description = "Creates an entry.", mixinStandardHelpOptions = true)
  private static final class Create extends Verb {
    @Mixin private Fields fields;

    @Option(names = "--entry-id", paramLabel = "ID", description = "else the issuer makes one")
    private String entryId;

    Create(Sockets sockets) {
      super(sockets);
    }

    @Override
    public Integer call() {
      if (fields.spiffeId == null || fields.parentId == null || fields.selectors == null) {
        throw new ParameterException(
            spec.commandLine(), "--spiffe-id, --parent-id and --selector are needed");
      }
      Entry.Builder entry = Entry.newBuilder();
      if (entryId != null) {
        entry.setId(entryId);
      }
      fields.apply(spec, entry, EntryMask.newBuilder());
      BatchCreateEntryResponse.Result result =
          ask(stub ->
                  stub.batchCreateEntry(
                      BatchCreateEntryRequest.newBuilder().addEntries(entry).build()))
              .getResults(0);
      requireOk(result.getStatus());
      return print(result.getEntry());
    }
  }

  @Command(description = "All entries.", mixinStandardHelpOptions = true)
  private static final class ListAll extends Verb {
    ListAll(Sockets sockets) {
      super(sockets);
    }

    @Override
    public Integer call() {
      List<Entry> entries = new ArrayList<>();
      String[] token = {""};
      do {
        ListEntriesResponse page =
            ask(
                stub ->
                    stub.listEntries(
                        ListEntriesRequest.newBuilder()
                            .setPageSize(PAGE)
                            .setPageToken(token[0])
                            .build()));
        entries.addAll(page.getEntriesList());
        token[0] = page.getNextPageToken();
      } while (!token[0].isEmpty());
      if (json) {
        Output.out(spec).println(Output.json(entries.stream().map(EntryCommands::view).toList()));
        return 0;
      }
      List<List<String>> rows = new ArrayList<>();
      for (Entry entry : entries) {
        Map<String, Object> view = view(entry);
        rows.add(
            List.of(
                entry.getId(),
                String.valueOf(view.get("spiffeId")),
                String.valueOf(view.get("parentId")),
                String.join(
                    " ",
                    entry.getSelectorsList().stream()
                        .map(s -> s.getType() + ":" + s.getValue())
                        .toList())));
      }
      Output.out(spec)
          .print(Output.table(List.of("ENTRY", "SPIFFE ID", "PARENT", "SELECTORS"), rows));
      Output.out(spec).flush();
      return 0;
    }
  }

  @Command(description = "One entry.", mixinStandardHelpOptions = true)
  private static final class Show extends Verb {
    @Parameters(paramLabel = "ENTRY")
    private String id;

    Show(Sockets sockets) {
      super(sockets);
    }

    @Override
    public Integer call() {
      return print(ask(stub -> stub.getEntry(GetEntryRequest.newBuilder().setId(id).build())));
    }
  }

  @Command(description = "Changes the fields that are given.", mixinStandardHelpOptions = true)
  private static final class Update extends Verb {
    @Parameters(paramLabel = "ENTRY")
    private String id;

    @Mixin private Fields fields;

    Update(Sockets sockets) {
      super(sockets);
    }

    @Override
    public Integer call() {
      Entry.Builder entry = Entry.newBuilder().setId(id);
      EntryMask.Builder mask = EntryMask.newBuilder();
      if (fields.jwtJti != null) { // the other attributes, which a change replaces too
        entry.setAdditionalAttributes(
            ask(stub -> stub.getEntry(GetEntryRequest.newBuilder().setId(id).build()))
                .getAdditionalAttributes());
      }
      fields.apply(spec, entry, mask);
      if (mask.build().equals(EntryMask.getDefaultInstance())) {
        throw new ParameterException(spec.commandLine(), "no field to change was given");
      }
      BatchUpdateEntryResponse.Result result =
          ask(stub ->
                  stub.batchUpdateEntry(
                      BatchUpdateEntryRequest.newBuilder()
                          .addEntries(entry)
                          .setInputMask(mask)
                          .build()))
              .getResults(0);
      requireOk(result.getStatus());
      return print(result.getEntry());
    }
  }

  @Command(description = "Deletes entries.", mixinStandardHelpOptions = true)
  private static final class Delete extends Verb {
    @Parameters(paramLabel = "ENTRY", arity = "1..*")
    private List<String> ids;

    Delete(Sockets sockets) {
      super(sockets);
    }

    @Override
    public Integer call() {
      BatchDeleteEntryResponse answer =
          ask(
              stub ->
                  stub.batchDeleteEntry(
                      BatchDeleteEntryRequest.newBuilder().addAllIds(ids).build()));
      answer.getResultsList().forEach(result -> requireOk(result.getStatus()));
      if (json) {
        Output.out(spec).println(Output.json(Map.of("deleted", ids)));
      } else {
        ids.forEach(one -> Output.out(spec).println("deleted " + one));
      }
      return 0;
    }
  }
}
