package dev.serai.tpm.tss;

import dev.serai.tpm.TpmOperationListener;
import java.time.Duration;
import java.util.Optional;

/**
 * How a {@link TssTpm} is opened. Made by {@link #defaults()} and the {@code with} methods.
 *
 * @param tcti the operator's TCTI, empty: chosen by {@link TctiChoice}
 * @param allowSoftware whether that may be a software TPM
 * @param commandDeadline bound of an operation whose keys are loaded, waiting included
 * @param keyDeadline bound of an operation that makes or loads a key; a hardware TPM needs seconds
 *     for an RSA key
 * @param maxLostThreads threads that may hang in a native call before every call is refused
 * @param managerPatience how long an automatic choice waits for a tpm2-abrmd that it used and that
 *     has gone, before it chooses anew
 * @param listener told of every finished operation
 * @param machine the operating system's side
 */
public record TpmOptions(
    Optional<String> tcti,
    boolean allowSoftware,
    Duration commandDeadline,
    Duration keyDeadline,
    int maxLostThreads,
    Duration managerPatience,
    TpmOperationListener listener,
    TpmMachine machine) {
  public TpmOptions {
    tcti = tcti.filter(text -> !text.isBlank());
    if (commandDeadline.isNegative() || commandDeadline.isZero()) {
      throw new IllegalArgumentException("commandDeadline must be positive");
    }
    if (keyDeadline.compareTo(commandDeadline) < 0) {
      throw new IllegalArgumentException("keyDeadline must not be less than commandDeadline");
    }
    if (maxLostThreads < 1) {
      throw new IllegalArgumentException("maxLostThreads must be at least 1");
    }
  }

  /** Automatic choice, no software TPM, 10 s for a command, 60 s for a key, 3 lost threads. */
  public static TpmOptions defaults() {
    return new TpmOptions(
        Optional.empty(),
        false,
        Duration.ofSeconds(10),
        Duration.ofSeconds(60),
        3,
        Duration.ofSeconds(60),
        TpmOperationListener.NONE,
        TpmMachine.local());
  }

  /** The operator's TCTI; blank: automatic choice. */
  public TpmOptions withTcti(String configured) {
    return new TpmOptions(
        Optional.of(configured),
        allowSoftware,
        commandDeadline,
        keyDeadline,
        maxLostThreads,
        managerPatience,
        listener,
        machine);
  }

  public TpmOptions withAllowSoftware(boolean allowed) {
    return new TpmOptions(
        tcti,
        allowed,
        commandDeadline,
        keyDeadline,
        maxLostThreads,
        managerPatience,
        listener,
        machine);
  }

  public TpmOptions withDeadlines(Duration command, Duration key) {
    return new TpmOptions(
        tcti, allowSoftware, command, key, maxLostThreads, managerPatience, listener, machine);
  }

  public TpmOptions withMaxLostThreads(int threads) {
    return new TpmOptions(
        tcti,
        allowSoftware,
        commandDeadline,
        keyDeadline,
        threads,
        managerPatience,
        listener,
        machine);
  }

  public TpmOptions withManagerPatience(Duration patience) {
    return new TpmOptions(
        tcti,
        allowSoftware,
        commandDeadline,
        keyDeadline,
        maxLostThreads,
        patience,
        listener,
        machine);
  }

  public TpmOptions withListener(TpmOperationListener told) {
    return new TpmOptions(
        tcti,
        allowSoftware,
        commandDeadline,
        keyDeadline,
        maxLostThreads,
        managerPatience,
        told,
        machine);
  }

  public TpmOptions withMachine(TpmMachine other) {
    return new TpmOptions(
        tcti,
        allowSoftware,
        commandDeadline,
        keyDeadline,
        maxLostThreads,
        managerPatience,
        listener,
        other);
  }
}
