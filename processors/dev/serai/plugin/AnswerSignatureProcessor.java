package dev.serai.plugin;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.TpmtSignature;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body TPMT_SIGNATURE in, HttpAnswer out; in the form that X.509 and TLS use. */
final class AnswerSignatureProcessor implements Processor {
  @Override
  public void process(Exchange exchange) throws Exception {
    Bytes answer = exchange.getMessage().getMandatoryBody(Bytes.class);
    exchange.getMessage().setBody(PluginAnswers.signature(encoded(answer).toBase64()));
  }

  private static Bytes encoded(Bytes answer) {
    try {
      TpmtSignature signature = TpmtSignature.parse(answer);
      return signature instanceof TpmtSignature.Ecdsa ecdsa
          ? ecdsa.toDer()
          : ((TpmtSignature.Rsa) signature).signature();
    } catch (MalformedStructureException e) {
      throw new IllegalStateException("TPM2_Sign answered with something else", e);
    }
  }
}
