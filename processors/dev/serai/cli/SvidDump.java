package dev.serai.cli;

import dev.serai.claims.Claims;
import dev.serai.claims.ClaimsExtension;
import dev.serai.net.SpiffeTrustManager;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.X509SvidProfile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** serai svid dump FILE: what is in an SVID, its claims above all. Asks nobody. */
@Command(
    description = "Shows what a file with an X.509-SVID says: chain, names, lives and claims.",
    mixinStandardHelpOptions = true)
final class SvidDump implements Callable<Integer> {
  private static final long MAX_FILE = 1 << 20;

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "FILE", description = "PEM or DER, leaf first; for instance svid.pem")
  private Path file;

  @Option(
      names = "--bundle",
      paramLabel = "FILE",
      description = "authorities; says whether the SVID leads to them now")
  private Path bundle;

  @Option(names = "--json", description = "as JSON")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    List<X509Certificate> chain = read(file);
    List<Map<String, Object>> certificates = new ArrayList<>();
    boolean ordered = true;
    boolean wellFormed = true;
    for (int i = 0; i < chain.size(); i++) {
      Map<String, Object> view = view(chain, i);
      ordered &= i + 1 == chain.size() || Integer.valueOf(i + 1).equals(view.get("issuedBy"));
      wellFormed &= !view.containsKey("claimsProblem");
      certificates.add(view);
    }
    Map<String, Object> dump = new LinkedHashMap<>();
    dump.put("file", file.toString());
    dump.put("chainOrdered", ordered);
    Optional<String> distrust = bundle == null ? Optional.empty() : distrust(chain, read(bundle));
    if (bundle != null) {
      dump.put("trusted", distrust.isEmpty());
      distrust.ifPresent(why -> dump.put("problem", why));
    }
    dump.put("certificates", certificates);
    print(dump, certificates);
    return ordered && wellFormed && distrust.isEmpty() ? 0 : 1;
  }

  private void print(Map<String, Object> dump, List<Map<String, Object>> certificates) {
    PrintWriter out = Output.out(spec);
    if (json) {
      out.println(Output.json(dump));
    } else {
      Map<String, Object> head = new LinkedHashMap<>(dump);
      head.remove("certificates");
      out.println(Output.facts(head));
      certificates.forEach(
          view -> {
            Map<String, Object> facts = new LinkedHashMap<>(view);
            Object claims = facts.remove("claims");
            out.println(Output.facts(facts));
            if (claims != null) {
              // Jackson has escaped what could steer a terminal, but for letters that turn it
              // round.
              Output.json(claims).lines().map(Output::plain).forEach(out::println);
              out.println();
            }
          });
    }
    out.flush();
  }

  private static Map<String, Object> view(List<X509Certificate> chain, int index) {
    X509Certificate certificate = chain.get(index);
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("certificate", index);
    view.put("spiffeId", X509SvidProfile.idOf(certificate).map(SpiffeId::toString).orElse(""));
    view.put("subject", certificate.getSubjectX500Principal().getName());
    view.put("issuer", certificate.getIssuerX500Principal().getName());
    issuer(chain, index).ifPresent(by -> view.put("issuedBy", by));
    view.put("authority", certificate.getBasicConstraints() != -1);
    view.put("serial", certificate.getSerialNumber().toString(16));
    view.put("notBefore", certificate.getNotBefore().toInstant().toString());
    view.put("notAfter", certificate.getNotAfter().toInstant().toString());
    try {
      Optional<Claims> claims = ClaimsExtension.read(certificate);
      claims.ifPresent(
          found -> {
            view.put("privacy", isPrivate(found) ? "strict" : "compat");
            view.put("claims", Output.parsed(found.json()));
          });
    } catch (RefusalException e) {
      view.put("claimsProblem", e.reason().toString());
    }
    return view;
  }

  /** The private form has a version. */
  private static boolean isPrivate(Claims claims) {
    return Output.parsed(claims.json()) instanceof com.fasterxml.jackson.databind.JsonNode node
        && node.has("v");
  }

  /** Which certificate of the file signed this one, by its signature and not by its name. */
  private static Optional<Integer> issuer(List<X509Certificate> chain, int index) {
    for (int other = 0; other < chain.size(); other++) {
      X509Certificate candidate = chain.get(other);
      boolean named =
          candidate.getSubjectX500Principal().equals(chain.get(index).getIssuerX500Principal());
      if (named && candidate.getBasicConstraints() != -1 && signed(candidate, chain.get(index))) {
        return Optional.of(other);
      }
    }
    return Optional.empty();
  }

  private static boolean signed(X509Certificate by, X509Certificate certificate) {
    try {
      certificate.verify(by.getPublicKey());
      return true;
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /** Why it is not to be believed; empty when it is. */
  private static Optional<String> distrust(
      List<X509Certificate> chain, List<X509Certificate> authorities) {
    try {
      new SpiffeTrustManager(domain -> authorities, id -> true).verify(chain);
      return Optional.empty();
    } catch (CertificateException e) {
      return Optional.of(e.getMessage());
    }
  }

  private static List<X509Certificate> read(Path from) throws IOException {
    try {
      if (Files.size(from) > MAX_FILE) {
        throw new RefusalException(
            ReasonCode.REQUEST_TOO_LARGE, from + " is larger than any file with an SVID");
      }
      List<X509Certificate> read =
          CertificateFactory.getInstance("X.509")
              .generateCertificates(new ByteArrayInputStream(Files.readAllBytes(from)))
              .stream()
              .map(X509Certificate.class::cast)
              .toList();
      if (read.isEmpty()) {
        throw new RefusalException(ReasonCode.MALFORMED_REQUEST, from + " holds no certificate");
      }
      return read;
    } catch (NoSuchFileException e) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, "no file " + from, e);
    } catch (CertificateException e) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, from + " holds no certificate", e);
    }
  }
}
