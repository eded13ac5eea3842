package dev.serai.observability;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Secret values and all the ways in which they could stand in a log. */
final class Secrets {
  /** Shorter values would be found by chance. */
  private static final int SHORTEST = 8;

  private final Map<String, Set<String>> spellings = new LinkedHashMap<>();

  /** A value that is text where it is used; it also counts as the bytes of that text. */
  void addText(String what, String secret) {
    Set<String> ways = bytes(secret.getBytes(StandardCharsets.UTF_8));
    ways.add(secret.strip());
    put(what, ways);
  }

  void addBytes(String what, byte[] secret) {
    put(what, bytes(secret));
  }

  /** A private number; a leading zero octet is none of it. */
  void addNumber(String what, BigInteger secret) {
    byte[] octets = secret.toByteArray();
    int from = octets[0] == 0 ? 1 : 0;
    Set<String> ways = bytes(Arrays.copyOfRange(octets, from, octets.length));
    ways.add(secret.toString());
    put(what, ways);
  }

  /** Each line of a PEM body is enough to give it away. */
  void addPem(String what, String pem) {
    Set<String> ways = new LinkedHashSet<>();
    pem.lines().filter(line -> !line.startsWith("-") && line.length() >= 32).forEach(ways::add);
    put(what, ways);
  }

  private void put(String what, Set<String> ways) {
    ways.removeIf(way -> way.length() < SHORTEST);
    if (ways.isEmpty()) {
      throw new IllegalArgumentException(what + " is too short to be looked for");
    }
    spellings.put(what + " #" + spellings.size(), ways);
  }

  private static Set<String> bytes(byte[] secret) {
    Set<String> ways = new LinkedHashSet<>();
    ways.add(HexFormat.of().formatHex(secret));
    ways.add(HexFormat.of().withUpperCase().formatHex(secret));
    ways.add(HexFormat.ofDelimiter(":").withUpperCase().formatHex(secret));
    String decimals = Arrays.toString(secret);
    ways.add(decimals.substring(1, decimals.length() - 1));
    for (int shift = 0; shift < 3 && secret.length - shift >= 9; shift++) {
      // Wherever it begins in a longer encoded text: whole groups of three octets read the same.
      int whole = (secret.length - shift) / 3 * 3;
      byte[] part = Arrays.copyOfRange(secret, shift, shift + whole);
      ways.add(Base64.getEncoder().encodeToString(part));
      ways.add(Base64.getUrlEncoder().encodeToString(part));
    }
    return ways;
  }

  int size() {
    return spellings.size();
  }

  /** The name of a secret that stands in the text in some spelling. */
  Optional<String> in(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    for (Map.Entry<String, Set<String>> secret : spellings.entrySet()) {
      for (String way : secret.getValue()) {
        boolean hex = way.matches("[0-9a-f]+");
        if (hex ? lower.contains(way) : text.contains(way)) {
          return Optional.of(secret.getKey());
        }
      }
    }
    return Optional.empty();
  }
}
