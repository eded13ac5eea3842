package dev.serai.rpc;

import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/** Who may connect to a unix socket, by the modes of the socket and of a directory made for it. */
public enum SocketAccess {
  /** The user of this process: directory 0700, socket 0600. */
  OWNER("rwx------", "rw-------"),
  /** Its group too: directory 0750, socket 0660. */
  GROUP("rwxr-x---", "rw-rw----"),
  /** Every user; the server tells them apart by their peer credentials. 0755 and 0777. */
  EVERYONE("rwxr-xr-x", "rwxrwxrwx");

  private final String directory;
  private final String socket;

  SocketAccess(String directory, String socket) {
    this.directory = directory;
    this.socket = socket;
  }

  Set<PosixFilePermission> directoryPermissions() {
    return PosixFilePermissions.fromString(directory);
  }

  Set<PosixFilePermission> socketPermissions() {
    return PosixFilePermissions.fromString(socket);
  }
}
