package dev.serai.fuzz;

import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** First inputs of a target: what peers really send, with the letter of the parser before it. */
public final class Seeds {
  private final Map<String, byte[]> all = new TreeMap<>();

  private Seeds() {}

  public static Seeds of() {
    return new Seeds();
  }

  public Seeds add(char letter, String name, Bytes content) {
    byte[] seed = Bytes.concat(Bytes.copyOf(new byte[] {(byte) letter}), content).toArray();
    if (all.put("seed-" + letter + "-" + name, seed) != null) {
      throw new IllegalArgumentException("two seeds of name " + name);
    }
    return this;
  }

  public Seeds add(char letter, String name, String content) {
    return add(letter, name, Bytes.ofText(content));
  }

  /** A seed as it lies in the corpus, without its letter; empty before it was first made. */
  public static Optional<Bytes> recorded(String target, String name) {
    try (InputStream in = Seeds.class.getResourceAsStream("/fuzz/" + target + "/" + name)) {
      return in == null
          ? Optional.empty()
          : Optional.of(Bytes.copyOf(in.readAllBytes())).map(all -> all.slice(1, all.size() - 1));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Map<String, byte[]> all() {
    return all;
  }
}
