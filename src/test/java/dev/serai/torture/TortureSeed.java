package dev.serai.torture;

/** SERAI_TORTURE_SEED of the environment. */
final class TortureSeed {
  private TortureSeed() {}

  static long orElse(long other) {
    String given = System.getenv("SERAI_TORTURE_SEED");
    return given == null || given.isBlank() ? other : Long.parseLong(given.strip());
  }
}
