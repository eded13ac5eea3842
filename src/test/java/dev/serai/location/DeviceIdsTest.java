package dev.serai.location;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceIdsTest {
  private static void refused(ReasonCode code, String value, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> {
              assertThat(e.reason().code()).isEqualTo(code);
              if (value.length() > 3) {
                assertThat(e.getMessage()).doesNotContain(value);
              }
            });
  }

  @Test
  void an_imei_has_15_digits_and_the_right_check_digit() {
    assertThat(DeviceIds.imei("490154203237518")).isEqualTo("490154203237518");
    assertThat(DeviceIds.imei("356345043865103")).isEqualTo("356345043865103");
    for (char digit = '0'; digit <= '9'; digit++) {
      String imei = "49015420323751" + digit;
      if (digit != '8') {
        refused(ReasonCode.IMEI_INVALID, imei, () -> DeviceIds.imei(imei));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "49015420323751",
        "4901542032375180",
        "49-015420-323751",
        " 490154203237518",
        "49015420323751\u0668"
      })
  void what_is_no_imei_is_refused(String text) {
    refused(ReasonCode.IMEI_INVALID, text, () -> DeviceIds.imei(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "2140706109604", "2140706109604751", "21407061096047x"})
  void an_imsi_has_14_or_15_digits(String text) {
    assertThat(DeviceIds.imsi("21407061096047")).isEqualTo("21407061096047");
    assertThat(DeviceIds.imsi("214070610960475")).isEqualTo("214070610960475");
    refused(ReasonCode.IMSI_INVALID, text, () -> DeviceIds.imsi(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "34696810912",
        "+0696810912",
        "+1234",
        "+1234567890123456",
        "tel:34696810912",
        "tel:tel:+34696810912",
        "+34 696 810",
        "+34696810912;ext=1"
      })
  void a_phone_number_has_one_form(String text) {
    assertThat(DeviceIds.msisdn("+34696810912")).isEqualTo("+34696810912");
    assertThat(DeviceIds.msisdn("tel:+34696810912")).isEqualTo("+34696810912");
    refused(ReasonCode.MSISDN_INVALID, text, () -> DeviceIds.msisdn(text));
  }

  @ParameterizedTest
  @ValueSource(doubles = {90.0001, -90.0001, Double.NaN, Double.POSITIVE_INFINITY})
  void a_latitude_is_on_earth(double degrees) {
    refused(ReasonCode.COORDINATES_INVALID, "", () -> DeviceIds.latitude(degrees));
    assertThat(DeviceIds.latitude(-90)).isEqualTo(-90);
    assertThat(1 / DeviceIds.latitude(-0.0)).isEqualTo(Double.POSITIVE_INFINITY);
  }

  @ParameterizedTest
  @ValueSource(doubles = {180.0001, -180.0001, Double.NaN, Double.NEGATIVE_INFINITY})
  void a_longitude_is_on_earth(double degrees) {
    refused(ReasonCode.COORDINATES_INVALID, "", () -> DeviceIds.longitude(degrees));
    assertThat(DeviceIds.longitude(180)).isEqualTo(180);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, -1, Double.NaN, 20_037_510})
  void an_accuracy_is_above_zero_and_no_more_than_half_the_way_around(double metres) {
    refused(ReasonCode.COORDINATES_INVALID, "", () -> DeviceIds.accuracy(metres));
    assertThat(DeviceIds.accuracy(7)).isEqualTo(7);
  }

  @Test
  void assurance_has_words_and_an_order() {
    assertThat(Assurance.OPERATOR_VERIFIED.word()).isEqualTo("operator-verified");
    assertThat(Assurance.BOTH.meets(Assurance.GNSS)).isTrue();
    assertThat(Assurance.GNSS.meets(Assurance.CLAIMED)).isTrue();
    assertThat(Assurance.GNSS.meets(Assurance.OPERATOR_VERIFIED)).isFalse();
    assertThat(Assurance.OPERATOR_VERIFIED.meets(Assurance.GNSS)).isFalse();
    assertThat(Assurance.CLAIMED.meets(Assurance.GNSS)).isFalse();
  }
}
