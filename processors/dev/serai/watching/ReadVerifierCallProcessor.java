package dev.serai.watching;

import dev.serai.keylime.ApiPath;
import dev.serai.keylime.HttpAnswer;
import dev.serai.net.PeerIdentity;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.SpiffeId;
import dev.serai.tpm.Bytes;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: HTTP request in, body {@link VerifierCall} out, once the caller may ask it. */
final class ReadVerifierCallProcessor implements Processor {
  private final Set<SpiffeId> issuers;
  private final Set<SpiffeId> administrators;
  private final Set<SpiffeId> evidenceCallers;

  ReadVerifierCallProcessor(
      Set<SpiffeId> issuers, Set<SpiffeId> administrators, Set<SpiffeId> evidenceCallers) {
    this.issuers = Set.copyOf(issuers);
    this.administrators = Set.copyOf(administrators);
    this.evidenceCallers = Set.copyOf(evidenceCallers);
  }

  @Override
  public void process(Exchange exchange) {
    String method = exchange.getMessage().getHeader(Exchange.HTTP_METHOD, "", String.class);
    ApiPath path =
        ApiPath.of(exchange.getMessage().getHeader(Exchange.HTTP_PATH, "", String.class));
    VerifierOperation operation = operation(method, path);
    Optional<SpiffeId> caller = PeerIdentity.of(exchange);
    check(operation, caller);
    if (operation == VerifierOperation.EVIDENCE || operation == VerifierOperation.NONCE) {
      EvidenceAnswers.formRefusalsOf(exchange);
    }
    byte[] body = exchange.getMessage().getBody(byte[].class);
    exchange
        .getMessage()
        .setBody(
            new VerifierCall(
                operation,
                caller.map(SpiffeId::toString).orElse(""),
                body == null ? Bytes.EMPTY : Bytes.copyOf(body)));
  }

  private static VerifierOperation operation(String method, ApiPath path) {
    boolean version = path.is("version") || path.is("versions");
    boolean list = path.versioned() && path.rest().equals(List.of("agents"));
    boolean appraise = path.is("serai", "v1", "appraise");
    boolean nonce = path.versioned() && path.rest().equals(List.of("verify", "nonce"));
    boolean evidence = path.versioned() && path.rest().equals(List.of("verify", "evidence"));
    if (version && method.equals("GET")) {
      return VerifierOperation.VERSION;
    }
    if (list && method.equals("GET")) {
      return VerifierOperation.LIST;
    }
    if (appraise && method.equals("POST")) {
      return VerifierOperation.APPRAISE;
    }
    if (nonce && method.equals("POST")) {
      return VerifierOperation.NONCE;
    }
    if (evidence && method.equals("POST")) {
      return VerifierOperation.EVIDENCE;
    }
    int status = version || list || appraise || nonce || evidence ? 405 : 404;
    throw new RefusalException(
        ReasonCode.UNKNOWN_OPERATION,
        "no such path, version or method",
        null,
        HttpAnswer.empty(status));
  }

  private void check(VerifierOperation operation, Optional<SpiffeId> caller) {
    Set<SpiffeId> allowed =
        switch (operation) {
          case VERSION -> Set.of();
          case LIST -> administrators;
          case APPRAISE -> issuers;
          case NONCE, EVIDENCE -> evidenceCallers;
        };
    if (operation == VerifierOperation.VERSION || caller.filter(allowed::contains).isPresent()) {
      return;
    }
    throw new RefusalException(
        caller.isEmpty() ? ReasonCode.CALLER_NOT_AUTHENTICATED : ReasonCode.CALLER_NOT_ALLOWED,
        operation + " by " + caller.map(SpiffeId::toString).orElse("nobody known"),
        null,
        HttpAnswer.forbidden(action(operation)));
  }

  private static String action(VerifierOperation operation) {
    return switch (operation) {
      case VERSION -> "version";
      case LIST -> "list_agents";
      case APPRAISE -> "appraise";
      case NONCE, EVIDENCE -> "verify_evidence";
    };
  }
}
