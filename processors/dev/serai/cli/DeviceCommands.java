package dev.serai.cli;

import dev.serai.proto.serai.v1.Device;
import dev.serai.proto.serai.v1.DevicesGrpc;
import dev.serai.proto.serai.v1.DevicesGrpc.DevicesBlockingStub;
import dev.serai.proto.serai.v1.ListDevicesRequest;
import dev.serai.proto.serai.v1.ShowDeviceRequest;
import dev.serai.proto.serai.v1.UpdateDeviceRequest;
import io.grpc.ManagedChannel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** serai device ... */
final class DeviceCommands {
  private DeviceCommands() {}

  static Map<String, Object> all(Sockets sockets) {
    Map<String, Object> verbs = new LinkedHashMap<>();
    verbs.put("create", new CreateDevice(sockets));
    verbs.put("list", new ListDevices(sockets));
    verbs.put("show", new ShowDevice(sockets));
    verbs.put("update", new UpdateDevice(sockets));
    verbs.put("delete", new DeleteDevice(sockets));
    return verbs;
  }

  private static Map<String, Object> view(Device device) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("id", device.getId());
    view.put("type", device.getType());
    view.put("sensorId", device.getSensorId());
    view.put("imei", device.getImei());
    view.put("imsi", device.getImsi());
    view.put("msisdn", device.getMsisdn());
    view.put("serialNumber", device.getSerialNumber());
    view.put("latitude", device.hasLatitude() ? device.getLatitude() : "");
    view.put("longitude", device.hasLongitude() ? device.getLongitude() : "");
    view.put("accuracy", device.hasAccuracy() ? device.getAccuracy() : "");
    view.put("nodeId", device.getNodeId());
    view.put("createdAt", Output.time(device.getCreatedAt()));
    view.put("updatedAt", Output.time(device.getUpdatedAt()));
    return view;
  }

  /** What all of them have. */
  private abstract static class Verb implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin private Connection connection;

    @Option(names = "--json", description = "as JSON")
    boolean json;

    private final Sockets sockets;

    Verb(Sockets sockets) {
      this.sockets = sockets;
    }

    <T> T ask(Function<DevicesBlockingStub, T> question) {
      ManagedChannel channel = connection.sensor(sockets);
      try {
        return question.apply(
            DevicesGrpc.newBlockingStub(channel)
                .withDeadlineAfter(Connection.DEADLINE_SECONDS, TimeUnit.SECONDS));
      } finally {
        Connection.close(channel);
      }
    }

    int print(Device device) {
      Map<String, Object> view = view(device);
      Output.out(spec).print(json ? Output.json(view) + "\n" : Output.facts(view));
      Output.out(spec).flush();
      return 0;
    }
  }

  /** What a device has; absent options are empty. */
  static final class Facts {
    @Option(
        names = "--sensor-id",
        paramLabel = "MODEL",
        description = "of its model, for instance USB vendor:product")
    private String sensorId;

    @Option(names = "--imei", paramLabel = "DIGITS", description = "15 digits")
    private String imei;

    @Option(names = "--imsi", paramLabel = "DIGITS", description = "14 or 15 digits")
    private String imsi;

    @Option(names = "--msisdn", paramLabel = "NUMBER", description = "+ and the phone number")
    private String msisdn;

    @Option(names = "--serial-number", paramLabel = "TEXT", description = "of the device")
    private String serialNumber;

    @Option(names = "--node", paramLabel = "NODE", description = "the only node that may use it")
    private String node;

    @Option(names = "--latitude", paramLabel = "DEGREES", description = "where it belongs")
    private Double latitude;

    @Option(names = "--longitude", paramLabel = "DEGREES", description = "where it belongs")
    private Double longitude;

    @Option(
        names = "--accuracy",
        paramLabel = "METRES",
        description = "radius of the area where it belongs")
    private Double accuracy;

    private Device.Builder into(Device.Builder device) {
      Optional.ofNullable(sensorId).ifPresent(device::setSensorId);
      Optional.ofNullable(imei).ifPresent(device::setImei);
      Optional.ofNullable(imsi).ifPresent(device::setImsi);
      Optional.ofNullable(msisdn).ifPresent(device::setMsisdn);
      Optional.ofNullable(serialNumber).ifPresent(device::setSerialNumber);
      Optional.ofNullable(node).ifPresent(device::setNodeId);
      Optional.ofNullable(latitude).ifPresent(device::setLatitude);
      Optional.ofNullable(longitude).ifPresent(device::setLongitude);
      Optional.ofNullable(accuracy).ifPresent(device::setAccuracy);
      return device;
    }

    private List<String> given() {
      Map<String, Object> all = new LinkedHashMap<>();
      all.put("sensor_id", sensorId);
      all.put("imei", imei);
      all.put("imsi", imsi);
      all.put("msisdn", msisdn);
      all.put("serial_number", serialNumber);
      all.put("node_id", node);
      all.put("area", latitude != null || longitude != null || accuracy != null ? "area" : null);
      return all.entrySet().stream()
          .filter(field -> field.getValue() != null)
          .map(Map.Entry::getKey)
          .toList();
    }
  }

  @Command(description = "Registers a location sensor.", mixinStandardHelpOptions = true)
  private static final class CreateDevice extends Verb {
    @Mixin private Facts facts;

    @Option(
        names = "--type",
        defaultValue = "mobile",
        description = "mobile or gnss (default: mobile)")
    private String type;

    CreateDevice(Sockets sockets) {
      super(sockets);
    }

    @Override
    public Integer call() {
      Device wished = facts.into(Device.newBuilder().setType(type)).build();
      return print(ask(stub -> stub.create(wished)));
    }
  }

  @Command(
      description = "All registered sensors, identifiers masked.",
      mixinStandardHelpOptions = true)
  private static final class ListDevices extends Verb {
    @Option(names = "--reveal", description = "identifiers in full; this is recorded")
    private boolean reveal;

    ListDevices(Sockets sockets) {
      super(sockets);
    }

    @Override
    public Integer call() {
      ListDevicesRequest request = ListDevicesRequest.newBuilder().setReveal(reveal).build();
      List<Device> devices = ask(stub -> stub.list(request)).getDevicesList();
      if (json) {
        Output.out(spec).println(Output.json(devices.stream().map(DeviceCommands::view).toList()));
        return 0;
      }
      List<List<String>> rows = new ArrayList<>();
      for (Device device : devices) {
        rows.add(
            List.of(
                device.getId(),
                device.getType(),
                device.getSensorId(),
                device.getImei(),
                device.getImsi(),
                device.getMsisdn(),
                device.getSerialNumber(),
                device.getNodeId()));
      }
      Output.out(spec)
          .print(
              Output.table(
                  List.of("ID", "TYPE", "SENSOR", "IMEI", "IMSI", "MSISDN", "SERIAL", "NODE"),
                  rows));
      Output.out(spec).flush();
      return 0;
    }
  }

  @Command(description = "One registered sensor.", mixinStandardHelpOptions = true)
  private static final class ShowDevice extends Verb {
    @Parameters(paramLabel = "ID", description = "as serai device list shows it")
    private String id;

    @Option(names = "--reveal", description = "identifiers in full; this is recorded")
    private boolean reveal;

    ShowDevice(Sockets sockets) {
      super(sockets);
    }

    @Override
    public Integer call() {
      return print(
          ask(
              stub ->
                  stub.show(ShowDeviceRequest.newBuilder().setId(id).setReveal(reveal).build())));
    }
  }

  @Command(
      description = "Changes what is given; an empty text takes a value away.",
      mixinStandardHelpOptions = true)
  private static final class UpdateDevice extends Verb {
    @Parameters(paramLabel = "ID", description = "as serai device list shows it")
    private String id;

    @Mixin private Facts facts;

    UpdateDevice(Sockets sockets) {
      super(sockets);
    }

    @Override
    public Integer call() {
      List<String> given = facts.given();
      if (given.isEmpty()) {
        throw new ParameterException(spec.commandLine(), "nothing to change is given");
      }
      UpdateDeviceRequest request =
          UpdateDeviceRequest.newBuilder()
              .setDevice(facts.into(Device.newBuilder().setId(id)))
              .addAllFields(given)
              .build();
      return print(ask(stub -> stub.update(request)));
    }
  }

  @Command(description = "Forgets a sensor.", mixinStandardHelpOptions = true)
  private static final class DeleteDevice extends Verb {
    @Parameters(paramLabel = "ID", description = "as serai device list shows it")
    private String id;

    DeleteDevice(Sockets sockets) {
      super(sockets);
    }

    @Override
    public Integer call() {
      return print(ask(stub -> stub.delete(ShowDeviceRequest.newBuilder().setId(id).build())));
    }
  }
}
