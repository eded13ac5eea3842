package dev.serai.testing;

import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.LifecycleMethodExecutionExceptionHandler;

/**
 * When {@code @BeforeAll} fails, each test of the class fails with what it failed with: so the
 * counts are right, and each can be tried a second time, with a new start of the class.
 */
public final class ClassStart
    implements LifecycleMethodExecutionExceptionHandler, BeforeEachCallback {
  private static final ExtensionContext.Namespace OURS =
      ExtensionContext.Namespace.create(ClassStart.class);

  @Override
  public void handleBeforeAllMethodExecutionException(ExtensionContext context, Throwable why) {
    context.getStore(OURS).put("why", why);
  }

  /** What was never started may not stop. */
  @Override
  public void handleAfterAllMethodExecutionException(ExtensionContext context, Throwable why)
      throws Throwable {
    if (why(context) == null) {
      throw why;
    }
  }

  @Override
  public void beforeEach(ExtensionContext context) throws Exception {
    Throwable why = why(context);
    if (why instanceof Exception e) {
      throw e;
    } else if (why instanceof Error e) {
      throw e;
    }
  }

  private static Throwable why(ExtensionContext context) {
    return context.getStore(OURS).get("why", Throwable.class);
  }
}
