package dev.serai.agent;

import dev.serai.proto.spire.types.Entry;
import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import javax.security.auth.x500.X500Principal;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/**
 * Route step: makes an EC P-256 key and a request for each entry that needs an SVID; body SyncRound
 * in and out.
 */
final class MakeWorkloadKeysProcessor implements Processor {
  /** The rest comes with the next round; the issuer's burst is 500. */
  private static final int MOST_AT_ONCE = 500;

  private final WorkloadSvids svids;
  private final InstantSource clock;

  MakeWorkloadKeysProcessor(WorkloadSvids svids, InstantSource clock) {
    this.svids = svids;
    this.clock = clock;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    SyncRound round = exchange.getMessage().getMandatoryBody(SyncRound.class);
    List<WorkloadRequest> requests = new ArrayList<>();
    for (Entry entry : svids.needing(round.entries(), clock.instant())) {
      if (requests.size() == MOST_AT_ONCE) {
        break;
      }
      requests.add(request(entry));
    }
    exchange.getMessage().setBody(round.withRequests(requests));
  }

  private static WorkloadRequest request(Entry entry) {
    KeyPair pair = newKey();
    return new WorkloadRequest(entry, pair.getPrivate(), csr(pair));
  }

  static KeyPair newKey() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java makes no P-256 keys", e);
    }
  }

  /** The subject says nothing: an issuer takes only the key. */
  static Bytes csr(KeyPair pair) {
    try {
      return Bytes.copyOf(
          new JcaPKCS10CertificationRequestBuilder(
                  new X500Principal("CN=workload"), pair.getPublic())
              .build(new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate()))
              .getEncoded());
    } catch (OperatorCreationException | IOException e) {
      throw new IllegalStateException("cannot make a certification request", e);
    }
  }
}
