package dev.serai.app;

import java.nio.file.Path;
import java.util.Set;

/** Values of keys left empty that follow from other keys and from the roles of the process. */
final class DerivedSettings {
  /** In serai.run-dir: where a reload is asked for. */
  static final String CONTROL_SOCKET = "control.sock";

  private DerivedSettings() {}

  static void fill(LayeredSettings settings, Path stateDir, Set<String> roles) {
    settings.derive("serai.run-dir", stateDir.resolve("run").toString());
    Path run = Path.of(settings.text("serai.run-dir"));
    settings.derive("serai.issuer.admin-socket", run.resolve("issuer/admin.sock").toString());
    settings.derive("serai.sensor.admin-socket", run.resolve("sensor/admin.sock").toString());
    settings.derive("serai.agent.workload-socket", run.resolve("workload/api.sock").toString());
    settings.derive("serai.agent.trust-bundle", stateDir.resolve("bundle.pem").toString());
    hop(
        settings,
        "serai.hop.appraise",
        roles.contains("verifier"),
        "appraise-evidence",
        "call-verifier-appraise");
    hop(
        settings,
        "serai.hop.node-record",
        roles.contains("registrar"),
        "lookup-node",
        "call-registrar-lookup");
    hop(
        settings,
        "serai.hop.locate",
        roles.contains("sensor"),
        "locate-device",
        "call-sensor-locate");
    hop(
        settings,
        "serai.hop.verdict",
        roles.contains("issuer"),
        "apply-verdict",
        "call-issuer-verdict");
    hop(
        settings,
        "serai.hop.device",
        roles.contains("sensor"),
        "verify-device",
        "call-sensor-verify");
  }

  private static void hop(
      LayeredSettings settings, String key, boolean inProcess, String local, String remote) {
    settings.derive(key, "direct:" + (inProcess ? local : remote));
  }
}
