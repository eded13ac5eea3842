package dev.serai.app;

import java.util.Date;
import java.util.Map;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.camel.component.timer.TimerComponent;
import org.apache.camel.component.timer.TimerConsumer;
import org.apache.camel.spi.annotations.Component;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code timer:} that does not look at the wall clock. The stock component runs on java.util.Timer,
 * which waits for a time of day: when the clock is set back an hour, every timer route stands still
 * for an hour. This one counts on, whatever the clock shows.
 */
@Component("timer") // its options are converted by the stock component's rules
final class SteadyTimerComponent extends TimerComponent {
  private static final Logger LOG = LoggerFactory.getLogger(SteadyTimerComponent.class);

  private final Map<TimerConsumer, SteadyTimer> timers = new ConcurrentHashMap<>();

  @Override
  public Timer getTimer(TimerConsumer consumer) {
    return timers.computeIfAbsent(
        consumer, c -> new SteadyTimer("timer://" + c.getEndpoint().getTimerName()));
  }

  @Override
  public void removeTimer(TimerConsumer consumer) {
    SteadyTimer timer = timers.remove(consumer);
    if (timer != null) {
      timer.cancel();
    }
  }

  @Override
  protected void doStop() throws Exception {
    timers.values().forEach(SteadyTimer::cancel);
    timers.clear();
    super.doStop();
  }

  /** A java.util.Timer by name; its own thread ends at once. */
  private static final class SteadyTimer extends Timer {
    private final ScheduledExecutorService executor;

    SteadyTimer(String name) {
      super(name, true);
      super.cancel();
      executor =
          Executors.newSingleThreadScheduledExecutor(
              work -> {
                Thread thread = new Thread(work, name);
                thread.setDaemon(true);
                return thread;
              });
    }

    @Override
    public void schedule(TimerTask task, long delay) {
      later(() -> run(task), delay);
    }

    @Override
    public void schedule(TimerTask task, Date time) {
      schedule(task, Math.max(0, time.getTime() - System.currentTimeMillis()));
    }

    @Override
    public void schedule(TimerTask task, long delay, long period) {
      later(() -> repeat(task, period), delay);
    }

    @Override
    public void schedule(TimerTask task, Date firstTime, long period) {
      schedule(task, Math.max(0, firstTime.getTime() - System.currentTimeMillis()), period);
    }

    @Override
    public void scheduleAtFixedRate(TimerTask task, long delay, long period) {
      Future<?> unused =
          executor.scheduleAtFixedRate(() -> run(task), delay, period, TimeUnit.MILLISECONDS);
    }

    @Override
    public void scheduleAtFixedRate(TimerTask task, Date firstTime, long period) {
      scheduleAtFixedRate(
          task, Math.max(0, firstTime.getTime() - System.currentTimeMillis()), period);
    }

    @Override
    public void cancel() {
      executor.shutdownNow();
    }

    /** From start to start, and never two at once. */
    private void repeat(TimerTask task, long period) {
      long began = System.nanoTime();
      run(task);
      later(
          () -> repeat(task, period),
          Math.max(0, period - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began)));
    }

    private void later(Runnable work, long delay) {
      try {
        Future<?> unused = executor.schedule(work, delay, TimeUnit.MILLISECONDS);
      } catch (RejectedExecutionException e) {
        LOG.debug("a timer was stopped", e);
      }
    }

    private static void run(TimerTask task) {
      try {
        task.run();
      } catch (RuntimeException e) { // the next time is another chance
        LOG.error("a timer route failed", e);
      }
    }
  }
}
