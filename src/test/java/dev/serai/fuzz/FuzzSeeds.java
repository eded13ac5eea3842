package dev.serai.fuzz;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Writes the seeds of targets into the corpus; needed after a change of seeds only. */
final class FuzzSeeds {
  private FuzzSeeds() {}

  /** Arguments: names of targets; none for all, in an order in which later ones use earlier. */
  public static void main(String... names) throws Exception {
    for (FuzzTarget target : FuzzTarget.values()) {
      if (names.length == 0 || java.util.List.of(names).contains(target.directory())) {
        write(target);
      }
    }
  }

  @SuppressWarnings("unchecked") // what every target's seeds() gives
  private static void write(FuzzTarget target) throws Exception {
    Method method = target.type().getDeclaredMethod("seeds");
    method.setAccessible(true);
    Path directory = Files.createDirectories(FuzzRun.corpus(target));
    for (Map.Entry<String, byte[]> seed : ((Map<String, byte[]>) method.invoke(null)).entrySet()) {
      write(directory.resolve(seed.getKey()), seed.getValue());
    }
  }

  private static void write(Path file, byte[] content) throws IOException {
    Files.write(file, content);
    System.out.println(file + " " + content.length);
  }
}
