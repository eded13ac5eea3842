package dev.serai.agent;

import static dev.serai.fuzz.Fuzzed.check;
import static dev.serai.fuzz.Fuzzed.same;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import dev.serai.fuzz.Fuzzed;
import dev.serai.fuzz.RpcErrors;
import dev.serai.fuzz.Seeds;
import dev.serai.jwtsvid.JwtBundle;
import dev.serai.keylime.KeylimeJson;
import dev.serai.keylime.RegisterAnswer;
import dev.serai.plugin.DelegationRequest;
import dev.serai.plugin.PluginCall;
import dev.serai.plugin.PluginTypes;
import dev.serai.proto.serai.v1.AttestationChallenge;
import dev.serai.proto.spire.agent.v1.AttestAgentResponse;
import dev.serai.proto.spire.types.JWTKey;
import dev.serai.reason.Reason;
import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.PcrSelection;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;

/** What verifiers ask the agent, and what registrar and issuer answer it. */
public final class AgentFuzz {
  private static final Class<?> NO_CERTIFICATE = CertificateException.class;

  private static final Fuzzed PARSERS =
      new Fuzzed()
          .with('u', "request to the agent", AgentFuzz::request)
          .with('d', "request for a certificate", AgentFuzz::certify)
          .with('p', "call of the plugin", AgentFuzz::plugin)
          .with('t', "data to be signed", AgentFuzz::typed)
          .with('s', "signature", AgentFuzz::signature)
          .with('r', "answer of the registrar", in -> registrar(200, in))
          .with('f', "refusal of the registrar", in -> registrar(403, in))
          .with('c', "challenge", AgentFuzz::challenge, InvalidProtocolBufferException.class)
          .with('e', "error of the issuer", AgentFuzz::error)
          .with('x', "certificate of the issuer", AgentFuzz::chain)
          .with(
              'j',
              "JWT authority of the issuer",
              AgentFuzz::jwtAuthority,
              InvalidProtocolBufferException.class)
          .with('m', "PEM certificates", AgentFuzz::pem, NO_CERTIFICATE)
          .with(
              'k',
              "PEM key",
              AgentFuzz::key,
              GeneralSecurityException.class,
              InvalidKeySpecException.class);

  private AgentFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    PARSERS.run(data);
  }

  public static Map<String, byte[]> seeds() throws Exception {
    AttestationChallenge.Builder challenge =
        AttestationChallenge.newBuilder()
            .setNonce(ByteString.copyFrom(new byte[32]))
            .setExpiresAtMs(1_790_000_000_000L);
    challenge.addBanksBuilder().setBank("sha256").addAllPcrs(List.of(0, 1, 7));
    AttestAgentResponse asked =
        AttestAgentResponse.newBuilder().setChallenge(challenge.build().toByteString()).build();
    Status status =
        Status.newBuilder()
            .setCode(7)
            .setMessage("this node is banned")
            .addDetails(
                Any.pack(
                    ErrorInfo.newBuilder().setReason("NODE_BANNED").setDomain("serai.dev").build()))
            .build();
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(256);
    KeyPair keys = generator.generateKeyPair();
    Bytes leaf = Seeds.recorded("certificates", "seed-d-leaf").orElse(Bytes.EMPTY);
    return Seeds.of()
        .add(
            'u',
            "quote",
            "GET\n/v2.5/quotes/integrity\nnonce=abc123&mask=0x408000&partial=0&ima_ml_entry=0")
        .add('u', "location", "GET\n/v2.2/agent/attested_geolocation\nnonce=abc123")
        .add(
            'd',
            "prototype",
            "{\"api_version\":\"v1\",\"command\":\"certify_app_key\",\"app_key_public\":"
                + KeylimeJson.write(Pem.publicKey(keys.getPublic())).toText()
                + ",\"app_key_context_path\":\"/tmp/app.ctx\",\"challenge_nonce\":\"ab12\"}")
        .add('p', "key", "POST\n/get-app-key\n{}")
        .add(
            'p',
            "sign",
            "POST\n/sign-data\n{\"data\":\"aGVsbG8=\",\"hash_alg\":\"sha256\",\"is_digest\":false,"
                + "\"scheme\":\"rsapss\",\"salt_length\":32}")
        .add(
            'p',
            "verify",
            "POST\n/verify-signature\n{\"data\":\"aGVsbG8=\",\"signature\":\"MAA=\","
                + "\"hash_alg\":\"sha512\",\"is_digest\":true}")
        .add(
            'p',
            "certificate",
            "POST\n/request-certificate\n{\"app_key_public\":\"eA==\",\"challenge_nonce\":\"ab\"}")
        .add('t', "request", PluginTypes.spireRequest(APP_KEY))
        .add('t', "magic", Bytes.ofHex("ff54434780170000"))
        .add('s', "ecdsa", Bytes.ofHex("3006020101020101"))
        .add('u', "identity", "GET\n/v2/quotes/identity\nnonce=abc123")
        .add('u', "version", "GET\n/version\n")
        .add(
            'r',
            "blob",
            "{\"code\":200,\"status\":\"Success\",\"results\":{\"blob\":\"utzA3gAAAAEAIP==\"}}")
        .add(
            'f',
            "banned",
            "{\"code\":403,\"status\":\"NODE_BANNED:"
                + " no\",\"results\":{\"reason\":\"NODE_BANNED\"}}")
        .add('c', "challenge", Bytes.copyOf(asked.toByteArray()))
        .add('e', "banned", RpcErrors.input(status))
        .add('x', "leaf", leaf)
        .add(
            'j',
            "ec",
            Bytes.copyOf(
                JWTKey.newBuilder()
                    .setKeyId("key-1")
                    .setPublicKey(ByteString.copyFrom(APP_KEY.toArray()))
                    .build()
                    .toByteArray()))
        .add('m', "leaf", Pem.encode("CERTIFICATE", leaf.toArray()))
        .add('k', "ec", Pem.privateKey(keys.getPrivate()))
        .all();
  }

  private static String text(byte[] in) {
    return Bytes.copyOf(in).toText();
  }

  private static void request(byte[] in) {
    String[] parts = text(in).split("\n", 3);
    AgentApiCall call =
        AgentApiCall.parse(
            parts[0], parts.length > 1 ? parts[1] : "", parts.length > 2 ? parts[2] : "");
    if (call instanceof AgentApiCall.Quote quote) {
      check(quote.mask() >= 0 && quote.mask() < 1 << 24, "a mask of PCRs that there are");
      check(quote.nonce().size() <= AgentApiCall.MAX_NONCE, "a nonce that the TPM takes");
    }
  }

  private static void certify(byte[] in) {
    DelegationRequest request = ReadCertifyRequestProcessor.read(Bytes.copyOf(in));
    check(request.nonce().matches("[A-Za-z0-9]{1,64}"), "a nonce of letters and digits");
    check(request.keyInfo().size() <= 4096, "a key is bounded");
  }

  private static void plugin(byte[] in) {
    String[] parts = text(in).split("\n", 3);
    PluginCall call =
        PluginCall.parse(
            parts[0],
            parts.length > 1 ? parts[1] : "",
            parts.length > 2 ? Bytes.ofText(parts[2]) : Bytes.EMPTY);
    if (call instanceof PluginCall.SignData sign) {
      check(sign.data().size() <= PluginCall.MAX_DATA, "what is signed is bounded");
    }
  }

  /** Any P-256 key. */
  private static final Bytes APP_KEY =
      Bytes.ofHex(
          "3059301306072a8648ce3d020106082a8648ce3d030107034200"
              + "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
              + "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");

  private static void typed(byte[] in) {
    Bytes data = Bytes.copyOf(in);
    Bytes digest = PluginTypes.digest(data, false, APP_KEY);
    check(digest.size() == 32, "a digest");
    check(!data.toHex().startsWith("ff544347"), "nothing that a TPM says");
  }

  private static void signature(byte[] in) throws GeneralSecurityException {
    PublicKey key =
        KeyFactory.getInstance("EC").generatePublic(new X509EncodedKeySpec(APP_KEY.toArray()));
    check(!PluginTypes.isGood(key, Bytes.ofText("data"), Bytes.copyOf(in)), "nobody signs");
  }

  /** Not started: it only makes exchanges. */
  private static final CamelContext CAMEL = new DefaultCamelContext();

  private static void registrar(int status, byte[] in) {
    Exchange exchange = new DefaultExchange(CAMEL);
    exchange.getMessage().setHeader(Exchange.HTTP_RESPONSE_CODE, status);
    exchange.getMessage().setBody(in);
    RegisterAnswer answer = RegistrarCall.results(exchange, RegisterAnswer.class);
    check(status == 200, "results come with a 200");
    ReadCredentialProcessor.credential(answer);
  }

  private static void challenge(byte[] in) throws InvalidProtocolBufferException {
    AttestationChallenge challenge =
        BeginAttestationProcessor.challenge(AttestAgentResponse.parseFrom(in));
    PcrSelection selection = QuotePlatformProcessor.selection(challenge);
    check(!selection.pcrs().isEmpty(), "a challenge asks for a bank");
  }

  private static void error(byte[] in) {
    Reason reason = IssuerErrors.reason(RpcErrors.of(in));
    check(reason.code() != null, "every failure has a code");
    check(!AgentLifecycle.isTpmTrouble(reason.code()), "another's TPM is not ours");
    check(reason.detail().lines().count() <= 1, "a detail is one line");
  }

  private static void chain(byte[] in) {
    List<X509Certificate> chain = KeepAgentSvidProcessor.chain(List.of(ByteString.copyFrom(in)));
    check(chain.size() == 1, "one certificate");
  }

  private static void jwtAuthority(byte[] in) throws InvalidProtocolBufferException {
    JWTKey authority = JWTKey.parseFrom(in);
    List<String> unusable = new ArrayList<>();
    JwtBundle bundle =
        FetchBundleProcessor.jwtBundle(
            new TrustDomain("test.example"), List.of(authority), unusable);
    check(bundle.size() + unusable.size() == 1, "a key, or why not");
    check(bundle.size() == 0 || bundle.jwks().contains("jwt-svid"), "a key has its use");
  }

  private static void pem(byte[] in) throws CertificateException {
    List<X509Certificate> read = Pem.certificates(text(in));
    same(read, Pem.certificates(Pem.certificates(read)), "certificates are read as written");
  }

  private static void key(byte[] in) throws GeneralSecurityException {
    PrivateKey key = Pem.privateKey("EC", text(in));
    same(key, Pem.privateKey("EC", Pem.privateKey(key)), "a key is read as written");
  }
}
