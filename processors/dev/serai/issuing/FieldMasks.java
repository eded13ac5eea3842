package dev.serai.issuing;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;

/** Masks of the SPIRE API: their fields have the numbers of the fields they let through. */
final class FieldMasks {
  private FieldMasks() {}

  /** Without the fields that the mask leaves out; the field of number 1, the name, always stays. */
  @SuppressWarnings("unchecked") // toBuilder of a T builds a T
  static <T extends Message> T masked(T message, boolean masked, Message mask) {
    if (!masked) {
      return message;
    }
    Message.Builder builder = message.toBuilder();
    for (FieldDescriptor field : message.getDescriptorForType().getFields()) {
      if (field.getNumber() != 1 && !isWanted(mask, field.getNumber())) {
        builder.clearField(field);
      }
    }
    return (T) builder.build();
  }

  /** The old message with those fields of the new one that the mask lets through. */
  @SuppressWarnings("unchecked") // toBuilder of a T builds a T
  static <T extends Message> T merged(T before, T wished, boolean masked, Message mask) {
    Message.Builder builder = before.toBuilder();
    for (FieldDescriptor field : before.getDescriptorForType().getFields()) {
      if (field.getNumber() == 1 || (masked && !isWanted(mask, field.getNumber()))) {
        continue;
      }
      builder.clearField(field);
      boolean filled =
          field.isRepeated()
              ? wished.getRepeatedFieldCount(field) > 0
              : !field.hasPresence() || wished.hasField(field);
      if (filled) {
        builder.setField(field, wished.getField(field));
      }
    }
    return (T) builder.build();
  }

  private static boolean isWanted(Message mask, int number) {
    FieldDescriptor field = mask.getDescriptorForType().findFieldByNumber(number);
    return field != null && Boolean.TRUE.equals(mask.getField(field));
  }
}
