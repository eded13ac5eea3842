package dev.serai.testing;

import dev.serai.tpm.Bytes;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.security.spec.RSAPublicKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.Date;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * A software TPM (swtpm) on a unix socket, for tests. Each one has its own process and its own
 * state in a short temporary directory; both are gone after {@link #close()}.
 *
 * <ul>
 *   <li>{@link #blank()}: as it leaves the factory, no EK certificate.
 *   <li>{@link #provisioned()}: with EK certificates for the RSA-2048 and the P-256 template in NV
 *       and the issuing CA in the NV chain. Every provisioned TPM of one test run is a copy of one
 *       state: the same EK. About 10 ms.
 *   <li>{@link #fresh()}: provisioned by the same CA, but with an EK of its own. About 0.3 s.
 * </ul>
 *
 * <p>It talks to swtpm with TPM commands of its own, so it does not depend on the code under test.
 */
public final class SwTpm implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int ENDORSEMENT = 0x4000000b;
  private static final int OWNER = 0x40000001;

  /** ownerwrite, authwrite, ownerread, authread, no_da. */
  private static final int NV_ATTRIBUTES = 0x02060006;

  private static final String POLICY_A =
      "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa";

  /** TCG EK Credential Profile, template L-1. */
  private static final Bytes TEMPLATE_L1 =
      Bytes.ofHex(
          "0001000b000300b20020"
              + POLICY_A
              + "00060080004300100800000000000100"
              + "00".repeat(256));

  /** TCG EK Credential Profile, template L-2. */
  private static final Bytes TEMPLATE_L2 =
      Bytes.ofHex(
          "0023000b000300b20020"
              + POLICY_A
              + "000600800043001000030010"
              + ("0020" + "00".repeat(32)).repeat(2));

  private static Bytes provisionedState;

  private final Path directory;
  private final Thread hook = new Thread(this::end, "swtpm-end");
  private Process process;

  private SwTpm(Bytes state) {
    try {
      Path base = Path.of(System.getProperty("java.io.tmpdir"));
      if (base.toString().length() > 60) {
        base = Path.of("/tmp"); // a unix socket path has 107 characters
      }
      directory = Files.createTempDirectory(base, "swtpm");
      if (!state.isEmpty()) {
        Files.write(directory.resolve("tpm2-00.permall"), state.toArray());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Runtime.getRuntime().addShutdownHook(hook);
    start();
  }

  /** A TPM as it leaves the factory, without EK certificates. */
  public static SwTpm blank() {
    return new SwTpm(Bytes.EMPTY);
  }

  /** A TPM with EK certificates; all of one test run have the same EK. */
  public static SwTpm provisioned() {
    return new SwTpm(provisionedState());
  }

  /** A TPM with EK certificates and an EK that no other has. */
  public static SwTpm fresh() {
    SwTpm tpm = blank();
    try {
      tpm.provision();
    } catch (RuntimeException e) {
      tpm.close();
      throw e;
    }
    return tpm;
  }

  /** The CA that issued the EK certificates; enough as a trust anchor. In the NV chain. */
  public static X509Certificate ekCa() {
    return Authorities.INSTANCE.issuing;
  }

  /** The root above {@link #ekCa()}; as the only anchor it needs the chain from NV. */
  public static X509Certificate ekRoot() {
    return Authorities.INSTANCE.root;
  }

  /** The TCTI string, also good for tpm2-tools (TPM2TOOLS_TCTI). */
  public String tcti() {
    return "swtpm:path=" + socket();
  }

  /** The command socket. The control socket has the same name with ".ctrl". */
  public Path socket() {
    return directory.resolve("s");
  }

  public long pid() {
    return process.pid();
  }

  /** Ends the process with SIGKILL, as a crash would. The state stays; {@link #restart()}. */
  public void kill() {
    process.destroyForcibly();
    await(process);
  }

  /** A new process on the same state, as after a power cycle. */
  public void restart() {
    if (process.isAlive()) {
      kill();
    }
    start();
  }

  /** SIGSTOP: it accepts connections and never answers. */
  public void stop() {
    signal("STOP");
  }

  /** SIGCONT. */
  public void cont() {
    signal("CONT");
  }

  /** TPM reset in place: _TPM_Init and TPM2_Startup(CLEAR), same process. */
  public void reset() {
    control(ByteBuffer.allocate(8).putInt(2).putInt(0));
    transmit(Bytes.ofHex("80010000000c000001440000"));
  }

  /**
   * Sends one TPM command and answers what follows the response header.
   *
   * @throws IllegalStateException when the response code is not 0
   */
  public Bytes transmit(Bytes command) {
    Bytes response = exchange(command);
    int code = ByteBuffer.wrap(response.toArray()).getInt(6);
    if (code != 0) {
      throw new IllegalStateException("swtpm answered 0x%03x".formatted(code));
    }
    return response.slice(10, response.size() - 10);
  }

  /** Sends one TPM command and answers the whole response. */
  Bytes exchange(Bytes command) {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(socket()));
      ByteBuffer out = ByteBuffer.wrap(command.toArray());
      while (out.hasRemaining()) {
        channel.write(out);
      }
      Bytes header = Bytes.copyOf(fill(channel, 10).array());
      int size = ByteBuffer.wrap(header.toArray()).getInt(2);
      return Bytes.concat(header, Bytes.copyOf(fill(channel, size - 10).array()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Defines an NV index readable with owner or index authority and writes the content. */
  public void writeNv(int index, Bytes content) {
    Message publicArea =
        new Message().u32(index).u16(0x000b).u32(NV_ATTRIBUTES).u16(0).u16(content.size());
    transmit(
        new Message()
            .u32(OWNER)
            .password()
            .u16(0)
            .sized(publicArea.bytes())
            .command(0x8002, 0x0000012a));
    for (int at = 0; at < content.size(); at += 512) {
      transmit(
          new Message()
              .u32(OWNER)
              .u32(index)
              .password()
              .sized(content.slice(at, Math.min(512, content.size() - at)))
              .u16(at)
              .command(0x8002, 0x00000137));
    }
  }

  /** A certificate of {@link #ekCa()} for any key and time, for tests of bad cases. DER. */
  public static Bytes certificateFor(PublicKey key, Instant notBefore, Instant notAfter) {
    return Authorities.INSTANCE.endorse(key, notBefore, notAfter);
  }

  /** The EK of template L-1, made with TPM commands of this fixture. */
  public PublicKey rsaEndorsementKey() {
    Bytes unique = primaryUnique(TEMPLATE_L1, 10 + 32 + 14);
    try {
      return KeyFactory.getInstance("RSA")
          .generatePublic(
              new RSAPublicKeySpec(
                  new BigInteger(1, unique.slice(2, 256).toArray()), BigInteger.valueOf(65537)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The EK of template L-2, made with TPM commands of this fixture. */
  public PublicKey eccEndorsementKey() {
    Bytes unique = primaryUnique(TEMPLATE_L2, 10 + 32 + 12);
    int x = unique.at(0) << 8 | unique.at(1);
    int y = unique.at(2 + x) << 8 | unique.at(3 + x);
    try {
      return KeyFactory.getInstance("EC")
          .generatePublic(
              new ECPublicKeySpec(
                  new ECPoint(
                      new BigInteger(1, unique.slice(2, x).toArray()),
                      new BigInteger(1, unique.slice(4 + x, y).toArray())),
                  p256()));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    end();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      return; // the JVM is going down, the hook does the rest
    }
  }

  private void end() {
    process.destroyForcibly();
    await(process);
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException | UncheckedIOException e) {
      return; // a temporary directory left behind harms no test
    }
  }

  private static synchronized Bytes provisionedState() {
    if (provisionedState == null) {
      try (SwTpm tpm = fresh()) {
        tpm.transmit(Bytes.ofHex("80010000000c000001450000")); // TPM2_Shutdown(CLEAR)
        provisionedState =
            Bytes.copyOf(Files.readAllBytes(tpm.directory.resolve("tpm2-00.permall")));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return provisionedState;
  }

  private void provision() {
    Instant now = Instant.now();
    Instant from = now.minus(Duration.ofDays(1));
    Instant to = now.plus(Duration.ofDays(3650));
    writeNv(0x01c00002, certificateFor(rsaEndorsementKey(), from, to));
    writeNv(0x01c0000a, certificateFor(eccEndorsementKey(), from, to));
    writeNv(0x01c00100, Authorities.der(ekCa()));
  }

  private Bytes primaryUnique(Bytes template, int uniqueAt) {
    Bytes response =
        transmit(
            new Message()
                .u32(ENDORSEMENT)
                .password()
                .sized(Bytes.ofHex("00000000"))
                .sized(template)
                .u16(0)
                .u32(0)
                .command(0x8002, 0x00000131));
    // handle(4) parameterSize(4) TPM2B_PUBLIC(size 2)
    int size = response.at(8) << 8 | response.at(9);
    Bytes unique = response.slice(10 + uniqueAt, size - uniqueAt);
    transmit(
        new Message()
            .u32(ByteBuffer.wrap(response.toArray()).getInt())
            .command(0x8001, 0x00000165));
    return unique;
  }

  private void start() {
    try {
      process =
          new ProcessBuilder(
                  "swtpm",
                  "socket",
                  "--tpm2",
                  "--tpmstate",
                  "dir=" + directory,
                  "--server",
                  "type=unixio,path=" + socket(),
                  "--ctrl",
                  "type=unixio,path=" + socket() + ".ctrl",
                  "--flags",
                  "not-need-init,startup-clear")
              .redirectErrorStream(true)
              .redirectOutput(directory.resolve("log").toFile())
              .start();
    } catch (IOException e) {
      throw new UncheckedIOException("swtpm is not installed", e);
    }
    Awaitility.await("swtpm in " + directory + " answers")
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(2))
        .atMost(PATIENCE)
        .failFast("swtpm ended", () -> !process.isAlive())
        .ignoreException(UncheckedIOException.class)
        .untilAsserted(() -> transmit(Bytes.ofHex("80010000000c0000017b0008"))); // GetRandom
  }

  private void signal(String name) {
    try {
      Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(pid())).start();
      await(kill);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void control(ByteBuffer command) {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(socket() + ".ctrl"));
      command.flip();
      while (command.hasRemaining()) {
        channel.write(command);
      }
      int result = fill(channel, 4).getInt();
      if (result != 0) {
        throw new IllegalStateException("swtpm control answered " + result);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ByteBuffer fill(SocketChannel channel, int size) throws IOException {
    ByteBuffer in = ByteBuffer.allocate(size);
    while (in.hasRemaining()) {
      if (channel.read(in) < 0) {
        throw new EOFException("swtpm closed the connection");
      }
    }
    return in.flip();
  }

  private static void await(Process ending) {
    try {
      ending.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static ECParameterSpec p256() throws GeneralSecurityException {
    java.security.AlgorithmParameters parameters =
        java.security.AlgorithmParameters.getInstance("EC");
    parameters.init(new ECGenParameterSpec("secp256r1"));
    return parameters.getParameterSpec(ECParameterSpec.class);
  }

  /** Builds one TPM command. */
  private static final class Message {
    private final ByteArrayOutputStream content = new ByteArrayOutputStream();
    private final DataOutputStream out = new DataOutputStream(content);

    Message u16(int value) {
      return put(new byte[] {(byte) (value >> 8), (byte) value});
    }

    Message u32(int value) {
      return u16(value >>> 16).u16(value);
    }

    Message sized(Bytes value) {
      return u16(value.size()).put(value.toArray());
    }

    /** One authorization: TPM_RS_PW with an empty password. */
    Message password() {
      return u32(9).u32(0x40000009).u16(0).put(new byte[] {0}).u16(0);
    }

    Bytes bytes() {
      return Bytes.copyOf(content.toByteArray());
    }

    Bytes command(int tag, int code) {
      return new Message()
          .u16(tag)
          .u32(content.size() + 10)
          .u32(code)
          .put(content.toByteArray())
          .bytes();
    }

    private Message put(byte[] bytes) {
      try {
        out.write(bytes);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return this;
    }
  }

  /** Root and issuing CA of the run. */
  private static final class Authorities {
    static final Authorities INSTANCE = new Authorities();

    final KeyPair rootKey = keyPair();
    final KeyPair issuingKey = keyPair();
    final X509Certificate root;
    final X509Certificate issuing;

    Authorities() {
      Instant from = Instant.now().minus(Duration.ofDays(1));
      Instant to = from.plus(Duration.ofDays(7300));
      X500Name rootName = new X500Name("CN=Software TPM EK root (test)");
      X500Name issuingName = new X500Name("CN=Software TPM EK issuing CA (test)");
      root = certify(rootName, rootKey, rootName, rootKey.getPublic(), true, from, to);
      issuing = certify(rootName, rootKey, issuingName, issuingKey.getPublic(), true, from, to);
    }

    Bytes endorse(PublicKey key, Instant from, Instant to) {
      return der(
          certify(
              new X500Name(issuing.getSubjectX500Principal().getName()),
              issuingKey,
              new X500Name(new org.bouncycastle.asn1.x500.RDN[0]),
              key,
              false,
              from,
              to));
    }

    static Bytes der(X509Certificate certificate) {
      try {
        return Bytes.copyOf(certificate.getEncoded());
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }

    private static X509Certificate certify(
        X500Name issuer,
        KeyPair issuerKey,
        X500Name subject,
        PublicKey key,
        boolean authority,
        Instant from,
        Instant to) {
      try {
        JcaX509v3CertificateBuilder builder =
            new JcaX509v3CertificateBuilder(
                issuer,
                new BigInteger(120, new java.security.SecureRandom()),
                Date.from(from),
                Date.from(to),
                subject,
                key);
        builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(authority));
        if (authority) {
          builder.addExtension(
              Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
        } else {
          boolean rsa = "RSA".equals(key.getAlgorithm());
          builder.addExtension(
              Extension.keyUsage,
              true,
              new KeyUsage(rsa ? KeyUsage.keyEncipherment : KeyUsage.keyAgreement));
          builder.addExtension(
              Extension.subjectAlternativeName,
              true,
              new GeneralNames(
                  new GeneralName(
                      new X500Name(
                          "2.23.133.2.1=id:00001014,2.23.133.2.2=swtpm,2.23.133.2.3=id:20191023"))));
        }
        return new JcaX509CertificateConverter()
            .getCertificate(
                builder.build(
                    new JcaContentSignerBuilder("SHA256withECDSA").build(issuerKey.getPrivate())));
      } catch (IOException | GeneralSecurityException | OperatorCreationException e) {
        throw new IllegalStateException(e);
      }
    }

    private static KeyPair keyPair() {
      try {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec("secp256r1"));
        return generator.generateKeyPair();
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** Five wrong passwords for a protected key: dictionary attack lockout. */
  public void guessPasswords() {
    tool(
        "bash",
        "-c",
        "cd $(mktemp -d) && tpm2_createprimary -Q -c p.ctx && tpm2_flushcontext -t"
            + " && tpm2_create -Q -C p.ctx -p right -G ecc -u k.pub -r k.priv -c k.ctx"
            + " -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'"
            + " && echo x > m || exit 1; tpm2_flushcontext -t; for i in 1 2 3 4 5; do"
            + " tpm2_sign -Q -c k.ctx -p wrong -o s m 2>/dev/null; tpm2_flushcontext -t; done;"
            + " rm -rf $PWD; true");
  }

  /**
   * Runs a program of tpm2-tools against this TPM; answers its standard output.
   *
   * @throws IllegalStateException when it exits with another code than 0
   */
  public String tool(String... command) {
    List<String> line = List.of(command);
    Path errors = directory.resolve("tool.err");
    try {
      ProcessBuilder builder = new ProcessBuilder(line).redirectError(errors.toFile());
      builder.environment().put("TPM2TOOLS_TCTI", tcti());
      builder.environment().remove("TSS2_LOG");
      Process tool = builder.start();
      String output = new String(tool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (tool.waitFor() != 0) {
        throw new IllegalStateException(line + " failed: " + output + Files.readString(errors));
      }
      return output;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
