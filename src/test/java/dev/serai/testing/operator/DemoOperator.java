package dev.serai.testing.operator;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The fake mobile operator of the demo, a process of its own. Arguments: a directory for its files,
 * and subscribers as {@code +34696810912=40.33,-3.7707}. It prints the keys with which it is asked,
 * then "ready", and ends when its standard input does: with whoever started it, however that ends.
 */
public final class DemoOperator {
  private static final String READY = "ready";

  private DemoOperator() {}

  public static void main(String... arguments) throws IOException {
    Path directory = Files.createDirectories(Path.of(arguments[0]));
    try (FakeOperator operator = FakeOperator.start(FakeOperator.Dialect.CAMARA)) {
      for (int i = 1; i < arguments.length; i++) {
        String[] parts = arguments[i].split("[=,]");
        operator.locate(parts[0], Double.parseDouble(parts[1]), Double.parseDouble(parts[2]));
      }
      operator.settings(directory).forEach((key, value) -> System.out.println(key + "=" + value));
      System.out.println(READY);
      System.out.flush();
      System.in.transferTo(OutputStream.nullOutputStream());
    }
  }
}
