package dev.serai.issuing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.SqliteDatabase;
import dev.serai.testing.TestAudit;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class EntriesTest {
  private static final TrustDomain DOMAIN = TrustDomain.parse("test.example");
  private static final SpiffeId AGENT = DOMAIN.withPath("/spire/agent/join_token/a");
  private static final SpiffeId SERVER = DOMAIN.withPath("/spire/server");

  @TempDir Path directory;
  private final HandClock clock = new HandClock();
  private SqliteDatabase database;
  private ChangeFeed feed;
  private EntryStore store;

  @BeforeEach
  void open() {
    database = SqliteDatabase.open(directory.resolve("serai.db"));
    feed = new ChangeFeed(clock);
    store = new EntryStore(DOMAIN, database, TestAudit.of(database, directory), feed, clock);
  }

  @AfterEach
  void close() {
    database.close();
  }

  private static Entry entry(SpiffeId id, SpiffeId parent, String... selectors) {
    Entry.Builder entry =
        Entry.newBuilder()
            .setSpiffeId(RegisteredEntry.message(id))
            .setParentId(RegisteredEntry.message(parent));
    for (String selector : selectors) {
      Selector s = Selector.parse(selector);
      entry.addSelectorsBuilder().setType(s.type()).setValue(s.value());
    }
    return entry.build();
  }

  private static Entry good() {
    return entry(DOMAIN.withPath("/w"), AGENT, "unix:uid:0");
  }

  private String create(Entry entry) {
    EntryStore.Created created = store.create(entry);
    assertThat(created.isNew()).isTrue();
    return created.entry().id();
  }

  private Set<String> authorized(String... selectors) {
    Set<Selector> set = Set.copyOf(Stream.of(selectors).map(Selector::parse).toList());
    Map<String, RegisteredEntry> all =
        new TreeMap<>(store.index().authorized(AGENT, set, clock.instant()));
    store
        .index()
        .all()
        .forEach(
            e ->
                assertThat(store.index().isAuthorized(e, AGENT, set, clock.instant()))
                    .as("both ways to ask agree on %s", e.spiffeId())
                    .isEqualTo(all.containsKey(e.id())));
    return all.keySet();
  }

  static Stream<Arguments> breaking_one_rule_makes_an_entry_invalid() {
    return Stream.of(
        broken("an id of odd letters", e -> e.toBuilder().setId("a/b").build()),
        broken("an id that is too long", e -> e.toBuilder().setId("a".repeat(256)).build()),
        broken("no spiffe id", e -> e.toBuilder().clearSpiffeId().build()),
        broken(
            "another trust domain", e -> e.toBuilder().setSpiffeId(id("b.example", "/w")).build()),
        broken("no path", e -> e.toBuilder().setSpiffeId(id("test.example", "")).build()),
        broken(
            "a reserved path",
            e -> e.toBuilder().setSpiffeId(id("test.example", "/spire/x")).build()),
        broken(
            "an unlawful path",
            e -> e.toBuilder().setSpiffeId(id("test.example", "/a//b")).build()),
        broken("no parent", e -> e.toBuilder().clearParentId().build()),
        broken("a parent elsewhere", e -> e.toBuilder().setParentId(id("b.example", "/p")).build()),
        broken(
            "a parent without path",
            e -> e.toBuilder().setParentId(id("test.example", "")).build()),
        broken("no selectors", e -> e.toBuilder().clearSelectors().build()),
        broken("a selector without type", e -> selector(e, "", "v")),
        broken("a selector without value", e -> selector(e, "t", "")),
        broken("a type with a colon", e -> selector(e, "t:u", "v")),
        broken("a negative TTL", e -> e.toBuilder().setX509SvidTtl(-1).build()),
        broken("a negative JWT TTL", e -> e.toBuilder().setJwtSvidTtl(-1).build()),
        broken("a hint over 1024 bytes", e -> e.toBuilder().setHint("h".repeat(1025)).build()),
        broken("an empty DNS name", e -> e.toBuilder().addDnsNames("").build()),
        broken("a DNS name with a space", e -> e.toBuilder().addDnsNames("a b").build()),
        broken("a DNS label that ends with a dash", e -> e.toBuilder().addDnsNames("a-.b").build()),
        broken("a DNS label of 64 letters", e -> e.toBuilder().addDnsNames("a".repeat(64)).build()),
        broken(
            "a DNS name with the sign of Kelvin",
            e -> e.toBuilder().addDnsNames("\u212a.example").build()),
        broken("a wildcard in the middle", e -> e.toBuilder().addDnsNames("a.*.b").build()),
        broken(
            "a name that a wildcard covers",
            e -> e.toBuilder().addDnsNames("*.a.b").addDnsNames("x.a.b").build()),
        broken("a bundle we do not have", e -> e.toBuilder().addFederatesWith("b.example").build()),
        broken(
            "store_svid with two types",
            e -> selector(e, "t", "v").toBuilder().setStoreSvid(true).build()));
  }

  private static Arguments broken(String what, UnaryOperator<Entry> change) {
    return Arguments.of(what, change);
  }

  private static SPIFFEID id(String domain, String path) {
    return SPIFFEID.newBuilder().setTrustDomain(domain).setPath(path).build();
  }

  private static Entry selector(Entry entry, String type, String value) {
    Entry.Builder builder = entry.toBuilder();
    builder.addSelectorsBuilder().setType(type).setValue(value);
    return builder.build();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void breaking_one_rule_makes_an_entry_invalid(String what, UnaryOperator<Entry> change) {
    assertThatThrownBy(() -> store.create(change.apply(good())))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.ENTRY_INVALID));
    assertThat(store.index().size()).isZero();
  }

  @Test
  void limits_hold_at_the_last_lawful_value() {
    create(
        good().toBuilder()
            .setId("i".repeat(255))
            .setHint("h".repeat(1024))
            .addDnsNames("a".repeat(63) + ".b")
            .addDnsNames("*.c.d")
            .build());
  }

  @Test
  void a_similar_entry_is_not_made_twice_whatever_the_order_of_its_selectors() {
    String id = create(entry(DOMAIN.withPath("/w"), AGENT, "a:1", "b:2"));
    EntryStore.Created again = store.create(entry(DOMAIN.withPath("/w"), AGENT, "b:2", "a:1"));
    assertThat(again.isNew()).isFalse();
    assertThat(again.entry().id()).isEqualTo(id);
    create(entry(DOMAIN.withPath("/w"), AGENT, "a:1"));
  }

  @Test
  void an_update_raises_the_revision_and_keeps_identity_and_birth() {
    String id = create(good());
    clock.advance(Duration.ofHours(1));
    RegisteredEntry after =
        store.update(id, e -> e.toBuilder().setX509SvidTtl(60).build()).orElseThrow();
    assertThat(after.message().getRevisionNumber()).isEqualTo(1);
    assertThat(after.message().getCreatedAt())
        .isEqualTo(clock.instant().minus(Duration.ofHours(1)).getEpochSecond());
    assertThat(store.update("none", e -> e)).isEmpty();
  }

  @Test
  void an_update_may_not_make_an_entry_similar_to_another() {
    create(entry(DOMAIN.withPath("/one"), AGENT, "a:1"));
    String two = create(entry(DOMAIN.withPath("/two"), AGENT, "a:1"));
    assertThatThrownBy(
            () ->
                store.update(
                    two, e -> e.toBuilder().setSpiffeId(id("test.example", "/one")).build()))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.ENTRY_EXISTS));
  }

  @Test
  void entries_survive_a_restart() {
    String id = create(good());
    store.update(id, e -> e.toBuilder().setHint("h").build());
    EntryStore reopened =
        new EntryStore(
            DOMAIN, database, TestAudit.of(database, directory), new ChangeFeed(clock), clock);
    assertThat(reopened.index().find(id)).isEqualTo(store.index().find(id));
  }

  @Test
  void a_node_hands_out_its_children_and_theirs_and_nothing_else() {
    SpiffeId child = DOMAIN.withPath("/child");
    String one = create(entry(child, AGENT, "a:1"));
    String below = create(entry(DOMAIN.withPath("/grandchild"), child, "a:1"));
    create(entry(DOMAIN.withPath("/other"), DOMAIN.withPath("/spire/agent/x/b"), "a:1"));
    assertThat(authorized()).containsExactlyInAnyOrder(one, below);
  }

  @Test
  void a_group_counts_for_nodes_that_have_all_of_its_selectors() {
    SpiffeId group = DOMAIN.withPath("/rack");
    create(entry(group, SERVER, "tpm:vendor", "tpm:model"));
    String member = create(entry(DOMAIN.withPath("/member"), group, "a:1"));
    assertThat(authorized("tpm:vendor")).isEmpty();
    assertThat(authorized("tpm:vendor", "tpm:model")).containsExactly(member);
    assertThat(authorized("tpm:vendor", "tpm:model", "tpm:more")).containsExactly(member);
  }

  @Test
  void a_ring_of_parents_ends() {
    SpiffeId a = DOMAIN.withPath("/a");
    SpiffeId b = DOMAIN.withPath("/b");
    create(entry(a, b, "s:1"));
    create(entry(b, a, "s:1"));
    assertThat(authorized()).isEmpty();
    create(entry(a, AGENT, "s:1"));
    assertThat(authorized()).hasSize(3);
  }

  @Test
  void an_expired_entry_gives_nothing_even_before_it_is_pruned() {
    long soon = clock.instant().plusSeconds(10).getEpochSecond();
    SpiffeId child = DOMAIN.withPath("/child");
    create(entry(child, AGENT, "a:1").toBuilder().setExpiresAt(soon).build());
    create(entry(DOMAIN.withPath("/grandchild"), child, "a:1"));
    assertThat(authorized()).hasSize(2);
    clock.advance(Duration.ofSeconds(10));
    assertThat(authorized()).isEmpty();
    store.prune();
    assertThat(store.index().size()).isEqualTo(1);
  }

  @Test
  void only_nodes_concerned_hear_of_a_change() {
    List<Long> ours = new ArrayList<>();
    List<Long> others = new ArrayList<>();
    feed.add(watcher(AGENT, ours));
    feed.add(watcher(DOMAIN.withPath("/spire/agent/x/b"), others));
    String id = create(good());
    store.update(id, e -> e.toBuilder().setHint("h").build());
    store.delete(id);
    assertThat(ours).hasSizeGreaterThanOrEqualTo(3).isSorted().doesNotHaveDuplicates();
    assertThat(others).isEmpty();
  }

  @Test
  void a_node_hears_that_an_entry_was_taken_from_it() {
    String id = create(good());
    List<Long> ours = new ArrayList<>();
    feed.add(watcher(AGENT, ours));
    store.update(
        id, e -> e.toBuilder().setParentId(id("test.example", "/spire/agent/x/b")).build());
    assertThat(ours).hasSize(1);
    assertThat(authorized()).isEmpty();
  }

  private static ChangeFeed.Watcher watcher(SpiffeId node, List<Long> heard) {
    return new ChangeFeed.Watcher() {
      @Override
      public SpiffeId node() {
        return node;
      }

      @Override
      public Set<Selector> selectors() {
        return Set.of();
      }

      @Override
      public void changed(long revision) {
        heard.add(revision);
      }

      @Override
      public void recordChanged(long revision) {
        heard.add(revision);
      }
    };
  }
}
