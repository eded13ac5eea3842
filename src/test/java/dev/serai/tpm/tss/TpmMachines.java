package dev.serai.tpm.tss;

import java.nio.file.Path;

/** Machines whose devices are in another directory, everything else real. */
public final class TpmMachines {
  private TpmMachines() {}

  public static TpmMachine real(Path dev) {
    return new TpmMachine(
        dev, Path.of("/proc"), dev.resolve("no-sys"), TpmMachine.LINUX, MessageBus::ownerOf);
  }

  /**
   * With devices that only one process opens, as the kernel's /dev/tpm0: a terminal does not refuse
   * root, so what the kernel says of its holders decides.
   */
  public static TpmMachine exclusive(Path dev) {
    TpmMachine real = real(dev);
    return new TpmMachine(
        dev,
        real.proc(),
        real.sys(),
        device ->
            real.holders(device).visible().stream().allMatch(real.self()::equals)
                ? TpmMachine.LINUX.errno(device)
                : Libc.EBUSY,
        real.bus());
  }

  /** Who has a device open, as text. */
  public static String holders(TpmMachine machine, Path device) {
    return TctiChoice.list(machine.holders(device).visible());
  }
}
