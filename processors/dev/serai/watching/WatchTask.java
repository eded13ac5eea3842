package dev.serai.watching;

/**
 * One look at one node; the body on its way to route {@code watch-node}.
 *
 * @param generation of the node when it was taken
 */
public record WatchTask(String nodeId, long generation) {}
