package dev.serai.cli;

import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc.SpiffeWorkloadAPIBlockingStub;
import dev.serai.proto.workload.X509SVID;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.proto.workload.X509SVIDResponse;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** serai svid ...: the caller is the workload. */
final class SvidCommands {
  private static final Metadata.Key<String> SECURITY_HEADER =
      Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER);

  private SvidCommands() {}

  static Map<String, Object> all(Sockets sockets) {
    Map<String, Object> verbs = new LinkedHashMap<>();
    verbs.put(
        "fetch",
        SeraiCommand.group(
            "Fetches this process's identities from the Workload API.",
            Map.of("x509", new FetchX509(sockets), "jwt", new JwtCommands.Fetch(sockets))));
    verbs.put(
        "validate",
        SeraiCommand.group(
            "Has the Workload API say whether a token is good.",
            Map.of("jwt", new JwtCommands.Validate(sockets))));
    verbs.put("watch", new Watch(sockets));
    verbs.put("dump", new SvidDump());
    return verbs;
  }

  static SpiffeWorkloadAPIBlockingStub stub(ManagedChannel channel) {
    Metadata headers = new Metadata();
    headers.put(SECURITY_HEADER, "true");
    return SpiffeWorkloadAPIGrpc.newBlockingStub(channel)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  static Map<String, Object> view(X509SVID svid) throws CertificateException {
    X509Certificate leaf = Pem.concatenated(svid.getX509Svid().toByteArray()).get(0);
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("spiffeId", svid.getSpiffeId());
    view.put("hint", svid.getHint());
    view.put("notBefore", leaf.getNotBefore().toInstant().toString());
    view.put("notAfter", leaf.getNotAfter().toInstant().toString());
    view.put("serial", leaf.getSerialNumber().toString(16));
    view.put("authorities", Pem.concatenated(svid.getBundle().toByteArray()).size());
    return view;
  }

  @Command(description = "X.509-SVIDs with their bundles.", mixinStandardHelpOptions = true)
  private static final class FetchX509 implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private Connection connection;

    @Option(names = "--json", description = "as JSON, without the keys")
    private boolean json;

    @Option(
        names = "--write",
        paramLabel = "DIR",
        description = "svid.pem, svid.key (0600) and bundle.pem; svid.1.pem ... for further ones")
    private Path dir;

    @Option(names = "--timeout", paramLabel = "SECONDS", defaultValue = "20")
    private int timeout;

    private final Sockets sockets;

    FetchX509(Sockets sockets) {
      this.sockets = sockets;
    }

    @Override
    public Integer call() throws CertificateException, IOException {
      ManagedChannel channel = connection.workload(sockets);
      try {
        X509SVIDResponse answer =
            stub(channel)
                .withDeadlineAfter(timeout, TimeUnit.SECONDS)
                .fetchX509SVID(X509SVIDRequest.getDefaultInstance())
                .next();
        if (dir != null) {
          write(answer, dir);
        }
        List<Map<String, Object>> views = new ArrayList<>();
        for (X509SVID svid : answer.getSvidsList()) {
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

    private static void write(X509SVIDResponse answer, Path dir)
        throws IOException, CertificateException {
      Files.createDirectories(dir);
      for (int i = 0; i < answer.getSvidsCount(); i++) {
        X509SVID svid = answer.getSvids(i);
        String middle = i == 0 ? "" : "." + i;
        replace(
            dir.resolve("svid" + middle + ".key"),
            Pem.privateKey(svid.getX509SvidKey().toByteArray()),
            "rw-------");
        replace(
            dir.resolve("svid" + middle + ".pem"),
            pem(svid.getX509Svid().toByteArray()),
            "rw-r--r--");
        replace(
            dir.resolve("bundle" + middle + ".pem"),
            pem(svid.getBundle().toByteArray()),
            "rw-r--r--");
      }
    }

    private static String pem(byte[] concatenated) throws CertificateException {
      StringBuilder text = new StringBuilder();
      for (X509Certificate certificate : Pem.concatenated(concatenated)) {
        text.append(Pem.certificate(certificate.getEncoded()));
      }
      return text.toString();
    }

    /** The old file or the whole new one, and never readable by others in between. */
    private static void replace(Path file, String text, String mode) throws IOException {
      FileAttribute<Set<PosixFilePermission>> own =
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
      Path fresh = Files.createTempFile(file.toAbsolutePath().getParent(), ".svid", ".new", own);
      Files.writeString(fresh, text);
      Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString(mode));
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  @Command(
      description = "Says when this process's identities change, until interrupted.",
      mixinStandardHelpOptions = true)
  private static final class Watch implements Callable<Integer> {
    private static final long FIRST_PAUSE_MS = 500;
    private static final long LONGEST_PAUSE_MS = 15_000;

    @Spec private CommandSpec spec;
    @Mixin private Connection connection;

    @Option(names = "--json", description = "one JSON document per change")
    private boolean json;

    @Option(names = "--count", paramLabel = "N", description = "stop after so many changes")
    private long count = Long.MAX_VALUE;

    private final Sockets sockets;

    Watch(Sockets sockets) {
      this.sockets = sockets;
    }

    @Override
    public Integer call() throws CertificateException, InterruptedException {
      ManagedChannel channel = connection.workload(sockets);
      long seen = 0;
      long pause = FIRST_PAUSE_MS;
      try {
        while (seen < count) {
          try {
            Iterator<X509SVIDResponse> changes =
                stub(channel).fetchX509SVID(X509SVIDRequest.getDefaultInstance());
            while (seen < count && changes.hasNext()) {
              print(changes.next());
              seen++;
              pause = FIRST_PAUSE_MS;
            }
          } catch (StatusRuntimeException e) {
            if (e.getStatus().getCode() == Status.Code.INVALID_ARGUMENT) {
              throw e;
            }
            spec.commandLine().getErr().println(CommandFailure.line(CommandFailure.of(e)));
          }
          if (seen < count) {
            TimeUnit.MILLISECONDS.sleep(pause);
            pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
          }
        }
        return 0;
      } finally {
        Connection.close(channel);
      }
    }

    private void print(X509SVIDResponse answer) throws CertificateException {
      for (X509SVID svid : answer.getSvidsList()) {
        Map<String, Object> view = view(svid);
        Output.out(spec)
            .println(
                json
                    ? Output.json(view)
                    : Instant.now()
                        + " "
                        + view.get("spiffeId")
                        + " until "
                        + view.get("notAfter"));
      }
      Output.out(spec).flush();
    }
  }
}
