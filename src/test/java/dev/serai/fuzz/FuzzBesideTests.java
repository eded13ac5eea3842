package dev.serai.fuzz;

import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/** Starts the fuzzers as soon as a run of tests begins that will ask for their outcome. */
public final class FuzzBesideTests implements TestExecutionListener {
  private static FuzzRun run;

  @Override
  public void testPlanExecutionStarted(TestPlan plan) {
    boolean asked =
        plan.getRoots().stream()
            .flatMap(root -> plan.getDescendants(root).stream())
            .anyMatch(FuzzBesideTests::isFuzzTest);
    if (asked) {
      run();
    }
  }

  private static boolean isFuzzTest(TestIdentifier test) {
    return test.getSource()
        .filter(ClassSource.class::isInstance)
        .map(ClassSource.class::cast)
        .filter(source -> source.getClassName().equals(FuzzTest.class.getName()))
        .isPresent();
  }

  @Override
  public void testPlanExecutionFinished(TestPlan plan) {
    synchronized (FuzzBesideTests.class) {
      if (run != null) {
        run.close();
        run = null;
      }
    }
  }

  /** The run of this plan. */
  static synchronized FuzzRun run() {
    if (run == null) {
      run = FuzzRun.start();
    }
    return run;
  }
}
