package dev.serai.sensor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;

/** What is asked of the sensor service. */
public final class SensorFuzz {
  private SensorFuzz() {}

  public static void verify(byte[] in) throws MalformedStructureException {
    LocationCheck check = SensorJson.verify(Bytes.copyOf(in));
    check.area().ifPresent(area -> assertThat(area.latitude()).isBetween(-90.0, 90.0));
    check.ids().msisdn().ifPresent(number -> assertThat(number).startsWith("+"));
  }

  public static void lookup(byte[] in) throws MalformedStructureException {
    SensorJson.lookup(Bytes.copyOf(in)).imei().ifPresent(imei -> assertThat(imei).hasSize(15));
  }

  public static void endorse(byte[] in) throws MalformedStructureException {
    assertThat(SensorJson.endorse(Bytes.copyOf(in)).nonce()).hasSizeBetween(16, 128);
  }
}
