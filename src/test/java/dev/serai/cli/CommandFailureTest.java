package dev.serai.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import dev.serai.fuzz.RpcErrors;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.Bytes;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CommandFailureTest {
  @Test
  void a_code_in_the_details_counts_where_the_text_is_that_of_the_protocol() {
    var refused =
        StatusProto.toStatusRuntimeException(
            com.google.rpc.Status.newBuilder()
                .setCode(Status.Code.PERMISSION_DENIED.value())
                .setMessage("no identity issued")
                .addDetails(
                    Any.pack(
                        ErrorInfo.newBuilder()
                            .setReason(ReasonCode.WORKLOAD_NO_ENTRY.name())
                            .setDomain("serai.dev")
                            .build()))
                .build());

    assertThat(CommandFailure.line(CommandFailure.of(refused)))
        .startsWith("serai: WORKLOAD_NO_ENTRY: no identity issued | remedy: ");
  }

  /** Found by fuzzing: gRPC throws over details that are of another status, or are none. */
  @ParameterizedTest
  @ValueSource(strings = {"0808", "ffff", "08071a"})
  void details_that_cannot_be_read_leave_the_text(String hex) {
    byte[] wire = Bytes.concat(Bytes.ofHex("06"), Bytes.ofHex(hex)).toArray();
    assertThat(CommandFailure.of(RpcErrors.of(wire)).code()).isEqualTo(ReasonCode.NODE_BANNED);
  }

  @Test
  void an_answer_of_another_implementation_is_known_by_its_status() {
    assertThat(CommandFailure.of(Status.UNAVAILABLE.asRuntimeException()).code())
        .isEqualTo(ReasonCode.PEER_UNAVAILABLE);
  }
}
