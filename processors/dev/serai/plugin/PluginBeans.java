package dev.serai.plugin;

import dev.serai.http.GuardedListener;
import dev.serai.http.WriteHttpAnswerProcessor;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RoleContext;
import dev.serai.rpc.SocketAccess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.apache.camel.Processor;

/** The beans of the plugin socket's routes. */
public final class PluginBeans {
  private static final int CONNECTIONS = 32;
  private static final Duration SILENCE = Duration.ofSeconds(30);

  private PluginBeans() {}

  /**
   * @param key the App Key, or AGENT_NOT_READY
   * @param certifyLimit whether a caller may have another certificate now
   */
  public static void bind(
      RoleContext context, Supplier<HeldKey> key, Predicate<String> certifyLimit) {
    int own = ownUid();
    Set<Integer> further = new TreeSet<>();
    for (String uid : context.settings().list("serai.agent.plugin-uids")) {
      further.add(Integer.parseInt(uid));
    }
    boolean others = further.stream().anyMatch(uid -> uid != own);
    context.bind(
        "pluginListener",
        GuardedListener.onUnixSocket(
            CONNECTIONS, SILENCE, others ? SocketAccess.EVERYONE : SocketAccess.OWNER));
    boolean on = context.settings().flag("serai.feature.unified-identity");
    context.bind(
        "readPluginRequest", new ReadPluginRequestProcessor(own, further, certifyLimit, on));
    context.bind(
        "answerPluginHealth",
        (Processor) exchange -> exchange.getMessage().setBody(PluginAnswers.health()));
    context.bind("answerAppKey", new AnswerAppKeyProcessor(key));
    context.bind("answerPluginCertificate", new AnswerPluginCertificateProcessor());
    context.bind("checkTypedData", new CheckTypedDataProcessor(key));
    context.bind("answerSignature", new AnswerSignatureProcessor());
    context.bind("verifyPluginSignature", new VerifyPluginSignatureProcessor(key));
    context.bind(
        "refusePluginRequest",
        (Processor)
            exchange -> {
              throw new RefusalException(ReasonCode.UNKNOWN_OPERATION, "no such call");
            });
    context.bind("writePluginAnswer", new WriteHttpAnswerProcessor());
  }

  private static int ownUid() {
    try {
      return (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot tell the own uid", e);
    }
  }
}
