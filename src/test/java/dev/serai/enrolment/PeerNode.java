package dev.serai.enrolment;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.testing.SwTpm;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Comparator;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** The agent's side of an enrolment, by tpm2-tools on a software TPM: no code of ours. */
final class PeerNode implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  final SwTpm tpm;
  private final Path dir;

  PeerNode(SwTpm tpm) {
    this(tpm, "rsa");
  }

  /**
   * @param algorithm of EK and AK: rsa or ecc
   */
  PeerNode(SwTpm tpm, String algorithm) {
    this.tpm = tpm;
    try {
      dir = Files.createTempDirectory("peer");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    tpm.tool("tpm2_createek", "-G", algorithm, "-c", file("ek.ctx"), "-u", file("ek.pub"));
    makeAk("ak", algorithm);
    tpm.tool("tpm2_flushcontext", "-t");
  }

  private void makeAk(String name, String algorithm) {
    tpm.tool(
        "tpm2_createak",
        "-C",
        file("ek.ctx"),
        "-c",
        file(name + ".ctx"),
        "-G",
        algorithm,
        "-g",
        "sha256",
        "-s",
        algorithm.equals("rsa") ? "rsassa" : "ecdsa",
        "-u",
        file(name + ".pub"),
        "-r",
        file(name + ".priv"));
    tpm.tool("tpm2_flushcontext", "-t");
  }

  /** Replaces the AK by a new one of the same TPM. */
  void newAk(String algorithm) {
    makeAk("ak", algorithm);
  }

  /** A signing key that is not restricted, in place of the AK. */
  void unrestrictedAk() {
    tpm.tool("tpm2_createprimary", "-C", "e", "-c", file("p.ctx"));
    tpm.tool(
        "tpm2_create",
        "-C",
        file("p.ctx"),
        "-G",
        "ecc256:ecdsa-sha256",
        "-a",
        "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign",
        "-u",
        file("ak.pub"),
        "-r",
        file("ak.priv"));
    tpm.tool("tpm2_flushcontext", "-t");
  }

  String ekTpm() {
    return base64(read("ek.pub"));
  }

  String akTpm() {
    return base64(read("ak.pub"));
  }

  /** The EK certificate as tpm2-tools read it from NV, as PEM. */
  String certificatePem(int index) {
    tpm.tool("tpm2_nvread", "0x" + Integer.toHexString(index), "-o", file("cert.der"));
    return pem(read("cert.der"));
  }

  static String pem(byte[] der) {
    return "-----BEGIN CERTIFICATE-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der)
        + "\n-----END CERTIFICATE-----\n";
  }

  ObjectNode body() {
    return JSON.createObjectNode()
        .put("ek_tpm", ekTpm())
        .put("aik_tpm", akTpm())
        .put("ip", "127.0.0.1")
        .put("port", 9002)
        .put("mtls_cert", "disabled")
        .putNull("iak_tpm");
  }

  /** Opens the blob with tpm2_activatecredential and makes the tag. */
  String tag(String registerAnswer, String nodeId) {
    try {
      String blob = JSON.readTree(registerAnswer).path("results").path("blob").asText();
      Files.write(dir.resolve("blob"), Base64.getDecoder().decode(blob));
      tpm.tool("tpm2_startauthsession", "--policy-session", "-S", file("session"));
      tpm.tool("tpm2_policysecret", "-S", file("session"), "-c", "e");
      tpm.tool(
          "tpm2_activatecredential",
          "-c",
          file("ak.ctx"),
          "-C",
          file("ek.ctx"),
          "-i",
          file("blob"),
          "-o",
          file("secret"),
          "-P",
          "session:" + file("session"));
      tpm.tool("tpm2_flushcontext", file("session"));
      tpm.tool("tpm2_flushcontext", "-t");
      Mac mac = Mac.getInstance("HmacSHA384");
      mac.init(
          new SecretKeySpec(
              base64(read("secret")).getBytes(StandardCharsets.US_ASCII), "HmacSHA384"));
      StringBuilder hex = new StringBuilder();
      for (byte b : mac.doFinal(nodeId.getBytes(StandardCharsets.UTF_8))) {
        hex.append("%02x".formatted(b));
      }
      return "{\"auth_tag\":\"" + hex + "\"}";
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private byte[] read(String name) {
    try {
      return Files.readAllBytes(dir.resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String file(String name) {
    return dir.resolve(name).toString();
  }

  private static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  @Override
  public void close() {
    tpm.close();
    try (Stream<Path> files = Files.walk(dir)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
