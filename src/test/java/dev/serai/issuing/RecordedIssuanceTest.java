package dev.serai.issuing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.audit.AuditDatabase;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.signing.Signatures;
import dev.serai.store.SqliteDatabase;
import dev.serai.tpm.Bytes;
import java.nio.file.Path;
import java.util.Optional;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rule 12 for SVIDs: the record is on disk before the document leaves. */
class RecordedIssuanceTest {
  @TempDir Path directory;

  @Test
  void an_svid_leaves_with_its_record_or_not_at_all() throws Exception {
    var key = StockAgent.newKey();
    Bytes csr =
        Bytes.copyOf(
            new JcaPKCS10CertificationRequestBuilder(new X500Principal("O=Test"), key.getPublic())
                .build(new JcaContentSignerBuilder("SHA256withECDSA").build(key.getPrivate()))
                .getEncoded());
    SqliteDatabase database = SqliteDatabase.open(directory.resolve("serai.db"));
    IssuingKernel kernel = IssuingKernel.open(database, directory, Signatures.fastest(), csr);
    assertThat(kernel.issueRecorded()).isTrue();
    try (AuditDatabase log = AuditDatabase.open(directory)) {
      var records = log.last(10, Optional.of("svid.issued"), record -> true);
      assertThat(records).hasSize(1);
      assertThat(records.get(0).subject()).startsWith("spiffe://bench.example/workload/");
      assertThat(records.get(0).detail()).contains("serial", "notAfter", "entry", "node");
    }
    database.close();
    assertThatThrownBy(kernel::issueRecorded)
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.AUDIT_UNAVAILABLE));
  }
}
