package dev.serai.management;

import dev.serai.breaker.Breaker;
import dev.serai.breaker.BreakerState;
import dev.serai.breaker.Breakers;
import dev.serai.role.RoleView;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;

/** What people see of the breakers: the part of health that is theirs, and one MBean a kind. */
public final class BreakerBeans implements AutoCloseable {
  private static final int MOST_SHOWN = 100;

  private final MBeanServer server = ManagementFactory.getPlatformMBeanServer();
  private final List<ObjectName> names = new ArrayList<>();

  private BreakerBeans() {}

  /** Registers them; closing takes them out again. */
  public static BreakerBeans register(Breakers breakers, String context) {
    BreakerBeans beans = new BreakerBeans();
    try {
      for (Breakers.Kind kind : Breakers.Kind.values()) {
        ObjectName name =
            new ObjectName(
                "dev.serai:type=Breakers,context=%s,kind=%s"
                    .formatted(ObjectName.quote(context), kind.word()));
        beans.server.registerMBean(new OfKind(breakers, kind), name);
        beans.names.add(name);
      }
      return beans;
    } catch (JMException e) {
      beans.close();
      throw new IllegalStateException("the breakers cannot be shown", e);
    }
  }

  @Override
  public void close() {
    for (ObjectName name : names) {
      try {
        server.unregisterMBean(name);
      } catch (JMException e) {
        throw new IllegalStateException(e);
      }
    }
    names.clear();
  }

  /** The dashboard's part: registrar, verifier, operator and the others that many flows need. */
  public static RoleView providers(Breakers breakers) {
    return new RoleView() {
      @Override
      public List<RoleView.Breaker> breakers() {
        return breakers.all(Breakers.Kind.PROVIDER).stream()
            .map(known -> new RoleView.Breaker(known.name(), known.state().name(), known.trouble()))
            .toList();
      }
    };
  }

  /** For each kind: counts by state, and the breakers worth looking at. */
  static Map<String, Object> view(Breakers breakers) {
    Map<String, Object> view = new LinkedHashMap<>();
    for (Breakers.Kind kind : Breakers.Kind.values()) {
      Map<Breaker.State, Integer> counts = breakers.counts(kind);
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("closed", counts.get(Breaker.State.CLOSED));
      one.put("halfOpen", counts.get(Breaker.State.HALF_OPEN));
      one.put("open", counts.get(Breaker.State.OPEN));
      one.put("list", shown(breakers, kind).stream().map(s -> new BreakerView(s).json()).toList());
      view.put(kind.word(), one);
    }
    return view;
  }

  private static List<BreakerState> shown(Breakers breakers, Breakers.Kind kind) {
    return kind == Breakers.Kind.PROVIDER
        ? breakers.all(kind)
        : breakers.notClosed(kind, MOST_SHOWN);
  }

  private record OfKind(Breakers breakers, Breakers.Kind kind) implements BreakersMXBean {
    @Override
    public int getClosed() {
      return breakers.counts(kind).get(Breaker.State.CLOSED);
    }

    @Override
    public int getHalfOpen() {
      return breakers.counts(kind).get(Breaker.State.HALF_OPEN);
    }

    @Override
    public int getOpen() {
      return breakers.counts(kind).get(Breaker.State.OPEN);
    }

    @Override
    public List<BreakerView> getBreakers() {
      return shown(breakers, kind).stream().map(BreakerView::new).toList();
    }
  }
}
