package dev.serai.cli;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Optional;
import picocli.CommandLine;

/**
 * Every failure of a command is one line; 1 when it failed, 2 when it was called wrongly or with a
 * configuration that cannot be used: trying again will not help then.
 */
public final class CommandLineErrors {
  private CommandLineErrors() {}

  public static CommandLine oneLine(CommandLine line) {
    line.setExecutionExceptionHandler(
        (failure, command, parsed) -> {
          Reason reason = reason(failure);
          PrintWriter err = command.getErr();
          if (reason.code() == ReasonCode.CONFIGURATION_INVALID) {
            reason
                .detail()
                .lines()
                .map(problem -> CommandFailure.line(new Reason(reason.code(), problem)))
                .forEach(err::println);
            return CommandLine.ExitCode.USAGE;
          }
          err.println(CommandFailure.line(reason));
          if (reason.code() == ReasonCode.INTERNAL_ERROR) {
            failure.printStackTrace(err);
          }
          return CommandLine.ExitCode.SOFTWARE;
        });
    line.setParameterExceptionHandler(
        (failure, arguments) -> {
          CommandLine command = failure.getCommandLine();
          command
              .getErr()
              .println(
                  "serai: usage: %s | see: %s --help"
                      .formatted(
                          failure.getMessage(), command.getCommandSpec().qualifiedName(" ")));
          return CommandLine.ExitCode.USAGE;
        });
    line.setExitCodeExceptionMapper(failure -> CommandLine.ExitCode.SOFTWARE);
    return line;
  }

  private static Reason reason(Exception failure) {
    if (failure instanceof RefusalException refusal) {
      return refusal.reason();
    }
    if (failure instanceof StatusRuntimeException status) {
      return CommandFailure.of(status);
    }
    if (failure instanceof IOException) {
      return new Reason(
          ReasonCode.PEER_UNAVAILABLE,
          Optional.ofNullable(failure.getMessage()).orElse(failure.getClass().getSimpleName()));
    }
    return new Reason(ReasonCode.INTERNAL_ERROR, String.valueOf(failure.getMessage()));
  }
}
