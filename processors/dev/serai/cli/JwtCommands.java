package dev.serai.cli;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import dev.serai.jwtsvid.ClaimedJwtSvid;
import dev.serai.proto.workload.JWTSVID;
import dev.serai.proto.workload.JWTSVIDRequest;
import dev.serai.proto.workload.JWTSVIDResponse;
import dev.serai.proto.workload.ValidateJWTSVIDRequest;
import dev.serai.proto.workload.ValidateJWTSVIDResponse;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** serai svid fetch jwt and serai svid validate jwt. */
final class JwtCommands {
  private static final int LONGEST_TOKEN = 64 * 1024;

  private JwtCommands() {}

  @Command(
      description = "A JWT-SVID for each identity; who gets to see one can use it.",
      mixinStandardHelpOptions = true)
  static final class Fetch implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private Connection connection;

    @Option(
        names = "--audience",
        required = true,
        paramLabel = "NAME",
        description = "for whom it is meant; may be given again")
    private List<String> audience;

    @Option(
        names = "--spiffe-id",
        paramLabel = "ID",
        defaultValue = "",
        description = "of this identity only")
    private String spiffeId;

    @Option(names = "--json", description = "as JSON, with the tokens")
    private boolean json;

    @Option(names = "--timeout", paramLabel = "SECONDS", defaultValue = "20")
    private int timeout;

    private final Sockets sockets;

    Fetch(Sockets sockets) {
      this.sockets = sockets;
    }

    @Override
    public Integer call() {
      ManagedChannel channel = connection.workload(sockets);
      try {
        JWTSVIDResponse answer =
            SvidCommands.stub(channel)
                .withDeadlineAfter(timeout, TimeUnit.SECONDS)
                .fetchJWTSVID(
                    JWTSVIDRequest.newBuilder()
                        .addAllAudience(audience)
                        .setSpiffeId(spiffeId)
                        .build());
        List<Map<String, Object>> views = new ArrayList<>();
        for (JWTSVID svid : answer.getSvidsList()) {
          views.add(view(svid));
        }
        if (json) {
          Output.out(spec).println(Output.json(views));
        } else {
          views.forEach(view -> Output.out(spec).println(Output.facts(view)));
        }
        Output.out(spec).flush();
        return 0;
      } finally {
        Connection.close(channel);
      }
    }

    private static Map<String, Object> view(JWTSVID svid) {
      ClaimedJwtSvid says = ClaimedJwtSvid.parse(svid.getSvid());
      Map<String, Object> view = new LinkedHashMap<>();
      view.put("spiffeId", svid.getSpiffeId());
      view.put("hint", svid.getHint());
      view.put("audience", String.join(" ", says.audience()));
      view.put("expiresAt", says.expiresAt().toString());
      view.put("svid", svid.getSvid());
      return view;
    }
  }

  @Command(
      description = "Whose token it is, if it is good for the audience.",
      mixinStandardHelpOptions = true)
  static final class Validate implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private Connection connection;

    @Option(
        names = "--audience",
        required = true,
        paramLabel = "NAME",
        description = "the one that it has to be meant for")
    private String audience;

    @Parameters(
        paramLabel = "TOKEN",
        description = "the token, or - to read it where the list of processes does not show it")
    private String token;

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    @Option(names = "--timeout", paramLabel = "SECONDS", defaultValue = "20")
    private int timeout;

    private final Sockets sockets;

    Validate(Sockets sockets) {
      this.sockets = sockets;
    }

    @Override
    public Integer call() throws IOException {
      String svid = token.equals("-") ? read(System.in) : token;
      ManagedChannel channel = connection.workload(sockets);
      try {
        ValidateJWTSVIDResponse answer =
            SvidCommands.stub(channel)
                .withDeadlineAfter(timeout, TimeUnit.SECONDS)
                .validateJWTSVID(
                    ValidateJWTSVIDRequest.newBuilder()
                        .setAudience(audience)
                        .setSvid(svid)
                        .build());
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("spiffeId", answer.getSpiffeId());
        Map<String, Object> claims = claims(answer.getClaims());
        if (json) {
          view.put("claims", claims);
        } else {
          claims.forEach(view::putIfAbsent);
        }
        Output.out(spec).println(json ? Output.json(view) : Output.facts(view));
        Output.out(spec).flush();
        return 0;
      } finally {
        Connection.close(channel);
      }
    }

    private static String read(InputStream in) throws IOException {
      byte[] bytes = in.readNBytes(LONGEST_TOKEN + 1);
      if (bytes.length > LONGEST_TOKEN) {
        throw new RefusalException(ReasonCode.JWT_SVID_MALFORMED, "it is longer than any token");
      }
      return new String(bytes, StandardCharsets.UTF_8).strip();
    }

    private static Map<String, Object> claims(Struct struct) {
      Map<String, Object> claims = new LinkedHashMap<>();
      new TreeMap<>(struct.getFieldsMap()).forEach((name, value) -> claims.put(name, plain(value)));
      return claims;
    }

    /** Numbers without a fraction as whole ones: they are times. */
    private static Object plain(Value value) {
      return switch (value.getKindCase()) {
        case STRING_VALUE -> value.getStringValue();
        case BOOL_VALUE -> value.getBoolValue();
        case NUMBER_VALUE -> {
          double number = value.getNumberValue();
          long whole = (long) number;
          yield whole == number ? (Object) whole : (Object) number;
        }
        case LIST_VALUE ->
            value.getListValue().getValuesList().stream().map(Validate::plain).toList();
        case STRUCT_VALUE -> claims(value.getStructValue());
        default -> "";
      };
    }
  }
}
