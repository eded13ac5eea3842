package dev.serai.bench;

import dev.serai.appraisal.SignedStatement;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.PcrBlob;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Statements that a software TPM (swtpm 0.7.1, tpm2-tools 5.4) made for the benchmarks: an AK under
 * an EK of the same kind, a quote over sha256 PCR 0 to 7, all zero, and a certify of a P-256 key.
 */
record RecordedStatements(
    String name,
    TpmtPublic ek,
    TpmtPublic ak,
    Bytes appKey,
    SignedStatement quote,
    SignedStatement certify,
    Bytes pcrBlob) {
  /** Qualifying data of the quotes. */
  static final Bytes NONCE = Bytes.ofHex("a1".repeat(32));

  /** Qualifying data of the certifies, fixed by the tool. */
  static final Bytes CERTIFY_DATA = Bytes.ofHex("00ff55aa");

  /** What is quoted. */
  static final PcrSelection SELECTION = PcrSelection.ofMask(TpmHash.SHA256, 0xff);

  static RecordedStatements p256() {
    return read(
        "P-256",
        "AHoAIwALAAMAsgAgg3GXZ0SEs/gakMyNRqXXJP1S124GUgtk8qHaGzMUaaoABgCAAEMAEAAD"
            + "ABAAINhPLz8kNPUlv/pr/7CNmuGEh5/HziyRV1shSAwYVxIMACDvsxFOFJvN5qJ4LIv+pNl7"
            + "azUVTr84nvFxJr/sqyzJXA==",
        "AFgAIwALAAUAcgAAABAAGAALAAMAEAAg1P8aXvL3Srvv5sYSF6wY4WVyvpV13j2sXL9+oa78"
            + "0kIAIMxPWKRAkrQyETSlJVnR7e9bku9bw/mCGffifCT0QEOe",
        "AFgAIwALAAQAcgAAABAAGAALAAMAEAAgP5h1iXJe31ea7d5b8037dcxqhOAx96J+b0J5ao6K"
            + "jMkAIBummlAQy3NQ7H3uCM/VFFEcAFaAe7xW/Sgb0/wEpl9P",
        "/1RDR4AYACIAC8zZzs9oZ4CW+aZpSSLPU+SKoRvUYoj3uDQBVLhoPRarACChoaGhoaGhoaGh"
            + "oaGhoaGhoaGhoaGhoaGhoaGhoaGhoQAAAAAAAAOVAAAAAQAAAAABIBkQIwAWNjYAAAABAAsD"
            + "/wAAACBTQeayZGl5pw5XZTAHofMQFpQh7JvdnxpWSPda3gBa8Q==",
        "ABgACwAgxJ39wjLtuOsMdDcOjU+ToxJ06JzU36Y43TYAKAk66y8AIDX9snrk/CoGO0s4nmCm"
            + "6o75WJy0OyNNKLQ43RjqRyp6",
        "/1RDR4AXACIAC8zZzs9oZ4CW+aZpSSLPU+SKoRvUYoj3uDQBVLhoPRarAAQA/1WqAAAAAAAA"
            + "BD4AAAABAAAAAAEgGRAjABY2NgAiAAtLImWa9Y7DUH1BISrku50+tqkcTqo/I0wlXBY4zZeB"
            + "NQAiAAt+0grgYJUjxQxtLbLTfLqcLy4GmvD+MlYHPqrFCm1ZsQ==",
        "ABgACwAg5jhC+QeRfHZ42DdSDBQ5zgL7p+jQCWnWtl1FK0KRtk8AIC+2vRTEXK7DgnYO7FRK"
            + "DsthOEHlMDfrmAH9oqOEeAGW");
  }

  static RecordedStatements rsa2048() {
    return read(
        "RSA-2048",
        "AToAAQALAAMAsgAgg3GXZ0SEs/gakMyNRqXXJP1S124GUgtk8qHaGzMUaaoABgCAAEMAEAgA"
            + "AAAAAAEA425cWFRBjTngenQ1gwDSm4KFNC2OcPBngSG7Hvrv+8zR2aH5e7LpCFNNcF255kgK"
            + "wpL24cXgSz0VeSXDqK9KEV61wqBV6quqqNhS94AzMRtJ3jP5PLAN6YuwAVACno7NukkuntmH"
            + "9JiSg3H2MTri8hRQYKcAWioOr+Tn3xJMmTfWLubm1IlJSIaL17bu6fpdtrlJZrbvvIU0t7Kd"
            + "NuUL9+UyTTKrlH2Ut9Xr1r9i58RhYsZ9HEIVs0ua0uOtd0QRjA0WaDoJrjH19Eiw5Ypzbf5r"
            + "3m1Gocg528KIJUtNREaegR5Bcy/8mMoPG/nOKyWoCG5eOeP0sJqYNI/R2+FXaw==",
        "ARgAAQALAAUAcgAAABAAFAALCAAAAAAAAQC0w6MkDW+MxkwCAZm+SoHpciWxU8FWFT0POi5E"
            + "7feRYnt/tn1cABqCU+maykyRSSMnChvMk9zkMzz6ZDEdD2/MB9mg4p36NcNbIcxhHHAas/qX"
            + "Y5M5fS+8l8qMPluhT9YHg0ePjsUUT/D69scqXQSBKK8MIFQQ1S+gFUDC+h1Cqj5/Dv1kHc1v"
            + "2nWF2NiZQDJ5Ew44eq09nBj9FguZsTy7IJaRZIVWml0sumslmoMLkSsUuU0eHowdzU/kiRA/"
            + "LhkK03aeedwmAYyoWZfrv16rXD9Sd6OGc8Y085Tf6vfXL02zbbhVhJBV+0WwG3tSrwvPkwEc"
            + "Y7a1GW4Kpn5YHEwP",
        "AFgAIwALAAQAcgAAABAAGAALAAMAEAAgFmUhQwOB29cGNshHXKl4VoGku/pdEZ2hbgI6Yd5H"
            + "6ugAIOU/fNaeMkrbUhYId/7mgyIvWMEYvGAp3vQ9P9+lmOJK",
        "/1RDR4AYACIAC1K6Q4UCiYYq0WW/QWiPKIwQ+cNQDDqOFiot6cjn2vFQACChoaGhoaGhoaGh"
            + "oaGhoaGhoaGhoaGhoaGhoaGhoaGhoQAAAAAAAAmkAAAAAQAAAAABIBkQIwAWNjYAAAABAAsD"
            + "/wAAACBTQeayZGl5pw5XZTAHofMQFpQh7JvdnxpWSPda3gBa8Q==",
        "ABQACwEAFLXbRtqCE/Z/Mq2jPgupoorI4TsGhRwABpLJLG1blc1c5Xg+pvRMbxIL0L0G+QzZ"
            + "OGTLnPy/o1apFAvEO1m8WLyuMbR72/MjS3LyIk9QONqTMl8bQ5hXG+oYaFOJTbm0pyf0aAB5"
            + "GYi959tY76yN/xvYKUCWjbkCtIVHoWJM6eiT8sZ63VQ01WTd+ZbUyvKxyN5anfg0ZxDgc3Zy"
            + "YXauBILJcjqTAtNwePnYeLnmcNMpQvncrrAMumON7/vnbPcI5QKUmnoWD47pK0XIdrdmlAUs"
            + "4rXJdQEF79XQOT/u2nvzzw3YNYS4dRlwwJeSdphyztRb74ovTZQoVooszknM6g==",
        "/1RDR4AXACIAC1K6Q4UCiYYq0WW/QWiPKIwQ+cNQDDqOFiot6cjn2vFQAAQA/1WqAAAAAAAA"
            + "CkAAAAABAAAAAAEgGRAjABY2NgAiAAuaFV2lHvFHDmZFbOZnlIQNeLTgUGeFqbVSxHIb36ZB"
            + "jgAiAAsFEygGPBSDzmBb0voazV1HAsDYzJFs3upNU46NZb96AQ==",
        "ABQACwEAsq3X6kTiQKdAjiLLki/YSCKlgfantmCsocwZqkbDkx+0AxFU2Th5TanrCNmeiEjU"
            + "Gxw1iKN7fDHf4zObR7tP6ouf8SK8RyMtz0+HMdV/qQTC2FNjBrvN6Phlnd18/wLyDAtZQSig"
            + "TxWQaxE8s+NA/P//mrcMy4hCMK8vosv3tDBqkqFFP+IMDx0HBJWFzSZRemZ01fCkvvxlgwk1"
            + "yiobdh72u9nwv807fNWs9ZLfJ26wh51lvfcKlquZCNKxRZccKXVf8MnV+yC4SBythDlz7zx8"
            + "kLH5QWHbm4COpfGg4nqorxtkkLmZ63GatVibuCT6NXmqtKqPTtpWlRk34ThK5Q==");
  }

  private static RecordedStatements read(
      String name,
      String ek,
      String ak,
      String appKey,
      String quote,
      String quoteSignature,
      String certify,
      String certifySignature) {
    SortedMap<Integer, Bytes> zeros = new TreeMap<>();
    for (int index = 0; index < 8; index++) {
      zeros.put(index, Bytes.copyOf(new byte[32]));
    }
    try {
      return new RecordedStatements(
          name,
          TpmtPublic.parseSized(Bytes.ofBase64(ek)),
          TpmtPublic.parseSized(Bytes.ofBase64(ak)),
          TpmtPublic.parseSized(Bytes.ofBase64(appKey)).encoded(),
          new SignedStatement(Bytes.ofBase64(quote), Bytes.ofBase64(quoteSignature)),
          new SignedStatement(Bytes.ofBase64(certify), Bytes.ofBase64(certifySignature)),
          PcrBlob.of(SELECTION, Map.of(TpmHash.SHA256, zeros)).encoded());
    } catch (MalformedStructureException e) {
      throw new IllegalStateException("a recorded structure", e);
    }
  }
}
