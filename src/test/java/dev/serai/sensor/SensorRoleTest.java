package dev.serai.sensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.serai.location.EndorsementKeySet;
import dev.serai.net.MaterialSource;
import dev.serai.net.RoleIdentities;
import dev.serai.net.TlsContexts;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RoleHealth;
import dev.serai.spiffe.SpiffeId;
import dev.serai.testing.SeraiHarness;
import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The role with other settings than the usual ones, and what it keeps on the disk. */
class SensorRoleTest {
  @TempDir Path dir;

  private static dev.serai.proto.serai.v1.Device mobile() {
    return dev.serai.proto.serai.v1.Device.newBuilder()
        .setType("mobile")
        .setSensorId("12d1:1433")
        .setImei("356345043865103")
        .setImsi("214070610960475")
        .setMsisdn("tel:+34696810912")
        .setLatitude(40.33)
        .setLongitude(-3.7707)
        .setAccuracy(7)
        .build();
  }

  private static DeviceAdministration devices(SeraiHarness serai) {
    return serai.bean("deviceAdministration", DeviceAdministration.class);
  }

  @Test
  void without_an_operator_the_role_is_up_and_every_check_is_refused_by_name() {
    try (SeraiHarness serai =
        SeraiHarness.roles("sensor")
            .with("serai.sensor.limit", "1")
            .with("serai.sensor.limit-burst", "4")
            .start()) {
      devices(serai).create(mobile());
      RoleHealth.Standing standing = serai.bean("roleHealth-sensor", RoleHealth.class).standing();
      assertThat(standing.notReady()).isEmpty();
      assertThat(standing.state()).isEqualTo("NO_OPERATOR");
      assertThat(standing.facts().get("operator"))
          .contains(ReasonCode.OPERATOR_NOT_CONFIGURED.name());
      SensorClient client = SensorClient.of(serai);
      SensorClient.Answer answer = client.post("/verify", "{\"sensor_id\":\"12d1:1433\"}");
      assertThat(answer.reason()).isEqualTo(ReasonCode.OPERATOR_NOT_CONFIGURED.name());
      assertThat(answer.status()).isEqualTo(503);
      assertThat(
              client
                  .post("/lookup_msisdn", "{\"sensor_id\":\"12d1:1433\"}")
                  .json()
                  .path("found")
                  .booleanValue())
          .isTrue();
      await()
          .atMost(Duration.ofSeconds(60))
          .until(
              () ->
                  client
                      .post("/lookup_msisdn", "{\"sensor_id\":\"x\"}")
                      .reason()
                      .equals(ReasonCode.RATE_LIMITED.name()));
    }
  }

  @Test
  void keys_rotate_and_those_before_stay_in_the_set_for_a_life() throws Exception {
    AtomicReference<Instant> now = new AtomicReference<>(Instant.parse("2026-11-24T00:00:00Z"));
    PrivateFiles files = new PrivateFiles(dir.resolve("sensor"));
    Duration life = Duration.ofDays(1);
    EndorsementKeys keys = EndorsementKeys.open(files, life, now::get);
    String first = keys.signingId();
    now.updateAndGet(at -> at.plus(Duration.ofHours(23)));
    keys.rotate();
    assertThat(keys.signingId()).isEqualTo(first);
    now.updateAndGet(at -> at.plus(Duration.ofHours(1)));
    keys.rotate();
    String second = keys.signingId();
    assertThat(second).isNotEqualTo(first);
    assertThat(keys.published().keys())
        .extracting(EndorsementKeySet.Key::id)
        .containsExactly(first, second);
    assertThat(keys.sign(Bytes.ofText("{}"), now.get().minusSeconds(60)).keyId())
        .as("of an answer that is kept from before the newest key, which nobody would believe")
        .isEqualTo(first);
    assertThat(keys.sign(Bytes.ofText("{}"), now.get()).keyId()).isEqualTo(second);
    assertThat(EndorsementKeys.open(files, life, now::get).signingId()).isEqualTo(second);
    now.updateAndGet(at -> at.plus(Duration.ofHours(24)));
    keys.rotate();
    assertThat(keys.published().keys())
        .extracting(EndorsementKeySet.Key::id)
        .hasSize(2)
        .doesNotContain(first)
        .contains(second);
    assertThat(files.names()).hasSize(2);
    Files.writeString(dir.resolve("sensor/" + files.names().get(0)), "no key");
    assertThatThrownBy(() -> EndorsementKeys.open(files, life, now::get))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.CONFIGURATION_INVALID));
  }

  @Test
  void with_another_key_the_registry_is_locked_and_a_device_can_only_be_deleted() throws Exception {
    Path state = Files.createDirectory(dir.resolve("state"));
    String id;
    try (SeraiHarness serai = SeraiHarness.roles("sensor").withStateDir(state).start()) {
      id = devices(serai).create(mobile()).getId();
    }
    Files.delete(state.resolve("sensor/registry.key"));
    try (SeraiHarness serai = SeraiHarness.roles("sensor").withStateDir(state).start()) {
      SensorClient.Answer answer =
          SensorClient.of(serai).post("/lookup_msisdn", "{\"sensor_id\":\"12d1:1433\"}");
      assertThat(answer.reason()).isEqualTo(ReasonCode.SENSOR_REGISTRY_LOCKED.name());
      assertThat(answer.status()).isEqualTo(503);
      devices(serai)
          .delete(dev.serai.proto.serai.v1.ShowDeviceRequest.newBuilder().setId(id).build());
      devices(serai).create(mobile());
    }
  }

  /** Asks once over TLS. @return the status, or -1 when there was no connection */
  private static int ask(SeraiHarness serai, SSLContext tls, String path, String body) {
    try {
      HttpsURLConnection connection =
          (HttpsURLConnection)
              URI.create("https://127.0.0.1:" + serai.port("serai.sensor.port") + path)
                  .toURL()
                  .openConnection();
      connection.setSSLSocketFactory(tls.getSocketFactory());
      connection.setHostnameVerifier((host, session) -> true); // its SPIFFE id is checked
      connection.setConnectTimeout(60_000);
      connection.setReadTimeout(60_000);
      connection.setDoOutput(true);
      connection.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
      int status = connection.getResponseCode();
      try (InputStream in =
          status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
        in.readAllBytes();
      }
      return status;
    } catch (IOException e) {
      return -1;
    }
  }

  @Test
  void with_tls_only_the_named_roles_are_let_in_and_no_token_is_asked_for() throws Exception {
    try (SeraiHarness serai =
        SeraiHarness.roles("issuer", "sensor").with("serai.sensor.tls", "true").start()) {
      devices(serai).create(mobile());
      SpiffeId sensor = SpiffeId.parse("spiffe://test.example/serai/sensor");
      RoleIdentities identities = serai.bean("roleIdentities", RoleIdentities.class);
      MaterialSource verifier = identities.forRole("verifier");
      MaterialSource registrar = identities.forRole("registrar");
      await()
          .atMost(Duration.ofSeconds(60))
          .until(() -> verifier.current().isPresent() && registrar.current().isPresent());
      String body = "{\"sensor_id\":\"12d1:1433\"}";
      assertThat(
              ask(
                  serai,
                  TlsContexts.client(verifier, sensor::equals).get(),
                  "/lookup_msisdn",
                  body))
          .isEqualTo(200);
      assertThat(
              ask(
                  serai,
                  TlsContexts.client(registrar, sensor::equals).get(),
                  "/lookup_msisdn",
                  body))
          .isEqualTo(-1);
      SSLContext nobody = SSLContext.getInstance("TLS");
      nobody.init(
          null,
          new javax.net.ssl.TrustManager[] {
            new javax.net.ssl.X509ExtendedTrustManager() {
              @Override
              public void checkClientTrusted(
                  java.security.cert.X509Certificate[] chain, String type) {}

              @Override
              public void checkServerTrusted(
                  java.security.cert.X509Certificate[] chain, String type) {}

              @Override
              public void checkClientTrusted(
                  java.security.cert.X509Certificate[] chain,
                  String type,
                  java.net.Socket socket) {}

              @Override
              public void checkServerTrusted(
                  java.security.cert.X509Certificate[] chain,
                  String type,
                  java.net.Socket socket) {}

              @Override
              public void checkClientTrusted(
                  java.security.cert.X509Certificate[] chain,
                  String type,
                  javax.net.ssl.SSLEngine engine) {}

              @Override
              public void checkServerTrusted(
                  java.security.cert.X509Certificate[] chain,
                  String type,
                  javax.net.ssl.SSLEngine engine) {}

              @Override
              public java.security.cert.X509Certificate[] getAcceptedIssuers() {
                return new java.security.cert.X509Certificate[0];
              }
            }
          },
          new SecureRandom());
      assertThat(ask(serai, nobody, "/lookup_msisdn", body)).isEqualTo(-1);
    }
  }

  @Test
  void a_device_needs_what_its_type_needs() {
    for (dev.serai.proto.serai.v1.Device wrong :
        List.of(
            mobile().toBuilder().clearImsi().build(),
            mobile().toBuilder().clearLatitude().clearLongitude().clearAccuracy().build(),
            mobile().toBuilder().setType("gnss").build(),
            mobile().toBuilder().setType("pigeon").build())) {
      assertThatThrownBy(() -> new DeviceAdministration(null, null, Instant::now).create(wrong))
          .isInstanceOfSatisfying(
              RefusalException.class,
              e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.SENSOR_INVALID));
    }
  }
}
