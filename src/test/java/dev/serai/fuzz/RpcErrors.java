package dev.serai.fuzz;

import com.google.rpc.Status;
import dev.serai.tpm.Bytes;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import java.util.Arrays;

/** Errors of a gRPC server as they come on the wire: a code, and details that may be anything. */
public final class RpcErrors {
  private static final Metadata.Key<byte[]> DETAILS =
      Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

  private RpcErrors() {}

  /** The first byte is the code, the rest the details. */
  public static StatusRuntimeException of(byte[] in) {
    Metadata trailers = new Metadata();
    trailers.put(DETAILS, Arrays.copyOfRange(in, Math.min(1, in.length), in.length));
    int code = in.length == 0 ? 2 : 1 + (in[0] & 0xff) % 16;
    return io.grpc.Status.fromCodeValue(code)
        .withDescription("NODE_BANNED: line\nand line")
        .asRuntimeException(trailers);
  }

  /** The input for an error of code 7, PERMISSION_DENIED. */
  public static Bytes input(Status details) {
    return Bytes.concat(Bytes.ofHex("06"), Bytes.copyOf(details.toByteArray()));
  }
}
