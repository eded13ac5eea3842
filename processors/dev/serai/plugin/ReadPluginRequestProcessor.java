package dev.serai.plugin;

import dev.serai.http.RefusalForm;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import java.io.IOException;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.apache.camel.component.netty.NettyConstants;

/**
 * Route step: the HTTP request becomes a PluginCall, if the kernel names its sender as one who may
 * send it. Only the owner may have data signed, whoever else may ask for the rest.
 */
final class ReadPluginRequestProcessor implements Processor {
  /** Exchange variable: kind of the call, for the choice of the route. */
  static final String KIND = "pluginCallKind";

  private final int owner;
  private final Set<Integer> allowed;
  private final Predicate<String> certifyLimit;
  private final boolean unifiedIdentity;

  /**
   * @param owner uid of this process
   * @param allowed further uids
   * @param certifyLimit whether a caller may have another certificate now
   * @param unifiedIdentity whether more is answered than that somebody is here
   */
  ReadPluginRequestProcessor(
      int owner, Set<Integer> allowed, Predicate<String> certifyLimit, boolean unifiedIdentity) {
    this.owner = owner;
    this.allowed = Set.copyOf(allowed);
    this.certifyLimit = certifyLimit;
    this.unifiedIdentity = unifiedIdentity;
  }

  @Override
  public void process(Exchange exchange) {
    RefusalForm form = refused -> PluginAnswers.refusal(refused.reason());
    exchange.setVariable(RefusalForm.VARIABLE, form);
    Message in = exchange.getMessage();
    int uid = uid(in.getHeader(NettyConstants.NETTY_CHANNEL_HANDLER_CONTEXT));
    if (uid != owner && !allowed.contains(uid)) {
      throw notAllowed("uid %d may not use this socket".formatted(uid));
    }
    String method = text(in, Exchange.HTTP_METHOD);
    if (!unifiedIdentity && method.equals("POST")) {
      throw new RefusalException(ReasonCode.FEATURE_OFF, ReasonCode.FEATURE_OFF.what());
    }
    byte[] body = in.getBody(byte[].class);
    PluginCall call =
        PluginCall.parse(
            method,
            text(in, Exchange.HTTP_URI).replaceFirst("[?#].*", ""),
            body == null ? Bytes.EMPTY : Bytes.copyOf(body));
    if (call instanceof PluginCall.SignData && uid != owner) {
      throw notAllowed("uid %d is not the App Key's owner".formatted(uid));
    }
    if (call instanceof PluginCall.RequestCertificate && !certifyLimit.test("uid:" + uid)) {
      throw new RefusalException(ReasonCode.RATE_LIMITED, "too many certificates asked for");
    }
    in.removeHeaders("*");
    exchange.setVariable(KIND, call.kind());
    in.setBody(call instanceof PluginCall.RequestCertificate request ? request.request() : call);
  }

  /** The kernel's word; a connection that is no unix socket has none. */
  private static int uid(Object context) {
    if (context instanceof ChannelHandlerContext netty
        && netty.channel() instanceof EpollDomainSocketChannel unix) {
      try {
        return unix.peerCredentials().uid();
      } catch (IOException e) {
        throw new RefusalException(ReasonCode.CALLER_NOT_AUTHENTICATED, "the caller is gone", e);
      }
    }
    throw new RefusalException(
        ReasonCode.CALLER_NOT_AUTHENTICATED, "not called over the unix socket");
  }

  private static RefusalException notAllowed(String why) {
    return new RefusalException(ReasonCode.CALLER_NOT_ALLOWED, why);
  }

  private static String text(Message in, String header) {
    String value = in.getHeader(header, String.class);
    return value == null ? "" : value;
  }
}
