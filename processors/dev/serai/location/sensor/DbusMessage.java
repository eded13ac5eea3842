package dev.serai.location.sensor;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A message of the D-Bus specification: method calls with text arguments out, whatever comes in.
 * Values become String, Long, Double, Boolean, List and Map; a variant becomes its value.
 *
 * @param type 1 call, 2 return, 3 error, 4 signal
 * @param fields header fields by code
 * @param body the arguments; for one argument that argument
 */
record DbusMessage(int type, long serial, Map<Integer, Object> fields, List<Object> body) {
  static final int CALL = 1;
  static final int RETURN = 2;
  static final int ERROR = 3;
  static final int PATH = 1;
  static final int INTERFACE = 2;
  static final int MEMBER = 3;
  static final int ERROR_NAME = 4;
  static final int REPLY_SERIAL = 5;
  static final int DESTINATION = 6;
  static final int SENDER = 7;
  static final int SIGNATURE = 8;

  /** Fixed part of a header, and the length of the array of fields. */
  static final int PROLOGUE = 16;

  /** Largest message that is read. */
  static final int MAX_SIZE = 1 << 20;

  private static final String WHAT = "D-Bus message";
  private static final int MAX_DEPTH = 16;
  private static final int MAX_VALUES = 20_000;

  DbusMessage {
    fields = Map.copyOf(fields);
    body = List.copyOf(body);
  }

  // --- Out --------------------------------------------------------------------------------------

  /** A call with text arguments. */
  static Bytes call(
      int serial, String to, String path, String on, String member, List<String> arguments) {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    arguments.forEach(text -> text(body, text));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {'l', CALL, 0, 1});
    uint32(out, body.size());
    uint32(out, serial);
    ByteArrayOutputStream fields = new ByteArrayOutputStream();
    // Alignment counts from the start of the message; the array of fields begins at 16.
    field(fields, PATH, "o", path);
    field(fields, DESTINATION, "s", to);
    field(fields, INTERFACE, "s", on);
    field(fields, MEMBER, "s", member);
    if (!arguments.isEmpty()) {
      align(fields, 8);
      fields.write(SIGNATURE);
      signature(fields, "g");
      signature(fields, "s".repeat(arguments.size()));
    }
    uint32(out, fields.size());
    out.writeBytes(fields.toByteArray());
    align(out, 8);
    out.writeBytes(body.toByteArray());
    return Bytes.copyOf(out.toByteArray());
  }

  private static void field(ByteArrayOutputStream out, int code, String type, String value) {
    align(out, 8);
    out.write(code);
    signature(out, type);
    text(out, value);
  }

  private static void signature(ByteArrayOutputStream out, String text) {
    out.write(text.length());
    out.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
    out.write(0);
  }

  private static void text(ByteArrayOutputStream out, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    align(out, 4);
    uint32(out, bytes.length);
    out.writeBytes(bytes);
    out.write(0);
  }

  private static void uint32(ByteArrayOutputStream out, int value) {
    out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
  }

  private static void align(ByteArrayOutputStream out, int to) {
    while (out.size() % to != 0) {
      out.write(0);
    }
  }

  // --- In ---------------------------------------------------------------------------------------

  /** How long the message is that begins with these 16 bytes. */
  static int length(Bytes prologue) throws MalformedStructureException {
    ByteBuffer in = ByteBuffer.wrap(prologue.toArray());
    in.order(order(in.get(0)));
    long body = Integer.toUnsignedLong(in.getInt(4));
    long fields = Integer.toUnsignedLong(in.getInt(12));
    long length = PROLOGUE + (fields + 7) / 8 * 8 + body;
    if (fields > MAX_SIZE || length > MAX_SIZE) {
      throw new MalformedStructureException(WHAT, "longer than " + MAX_SIZE + " bytes");
    }
    return (int) length;
  }

  private static ByteOrder order(byte mark) throws MalformedStructureException {
    return switch (mark) {
      case 'l' -> ByteOrder.LITTLE_ENDIAN;
      case 'B' -> ByteOrder.BIG_ENDIAN;
      default -> throw new MalformedStructureException(WHAT, "of no byte order");
    };
  }

  static DbusMessage parse(Bytes message) throws MalformedStructureException {
    if (message.size() < PROLOGUE || message.size() != length(message.slice(0, PROLOGUE))) {
      throw new MalformedStructureException(WHAT, "not as long as it says");
    }
    ByteBuffer in = ByteBuffer.wrap(message.toArray());
    in.order(order(in.get(0)));
    try {
      Reader reader = new Reader(in);
      int type = in.get(1);
      long serial = Integer.toUnsignedLong(in.getInt(8));
      in.position(12);
      Map<Integer, Object> fields = new LinkedHashMap<>();
      for (Object field : (List<?>) reader.value("a(yv)")) {
        List<?> pair = (List<?>) field;
        fields.put(((Long) pair.get(0)).intValue(), pair.get(1));
      }
      reader.align(8);
      List<Object> body =
          fields.get(SIGNATURE) instanceof String signature
              ? reader.values(signature, 0)
              : List.of();
      return new DbusMessage(type, serial, fields, body);
    } catch (BufferUnderflowException e) {
      throw new MalformedStructureException(WHAT, "ends early");
    }
  }

  /** Reads values by their signature. */
  private static final class Reader {
    private final ByteBuffer in;
    private int values;

    Reader(ByteBuffer in) {
      this.in = in;
    }

    Object value(String signature) throws MalformedStructureException {
      List<Object> read = values(signature, 0);
      if (read.size() != 1) {
        throw new MalformedStructureException(WHAT, "not one value");
      }
      return read.get(0);
    }

    List<Object> values(String signature, int depth) throws MalformedStructureException {
      List<Object> read = new ArrayList<>();
      int at = 0;
      while (at < signature.length()) {
        int end = end(signature, at, depth);
        read.add(one(signature.substring(at, end), depth));
        at = end;
      }
      return read;
    }

    /** Where the complete type ends that begins there. */
    private static int end(String signature, int at, int depth) throws MalformedStructureException {
      if (depth > MAX_DEPTH || at >= signature.length()) {
        throw new MalformedStructureException(WHAT, "a type that is none");
      }
      char c = signature.charAt(at);
      if (c == 'a') {
        return end(signature, at + 1, depth + 1);
      }
      if (c != '(' && c != '{') {
        return at + 1;
      }
      char close = c == '(' ? ')' : '}';
      int next = at + 1;
      while (next < signature.length() && signature.charAt(next) != close) {
        next = end(signature, next, depth + 1);
      }
      if (next >= signature.length() || next == at + 1) {
        throw new MalformedStructureException(WHAT, "a type that is none");
      }
      return next + 1;
    }

    private Object one(String type, int depth) throws MalformedStructureException {
      if (depth > MAX_DEPTH || ++values > MAX_VALUES) {
        throw new MalformedStructureException(WHAT, "too much in it");
      }
      return switch (type.charAt(0)) {
        case 'y' -> (long) (in.get() & 0xff);
        case 'b' -> number(4) != 0;
        case 'n' -> (long) (short) number(2);
        case 'q' -> number(2);
        case 'i' -> (long) (int) number(4);
        case 'u', 'h' -> number(4);
        case 'x', 't' -> number(8);
        case 'd' -> Double.longBitsToDouble(number(8));
        case 's', 'o' -> text(number(4));
        case 'g' -> text(in.get() & 0xff);
        case 'v' -> value(text(in.get() & 0xff), depth + 1);
        case '(' -> structure(type, depth);
        case 'a' -> array(type.substring(1), depth);
        default -> throw new MalformedStructureException(WHAT, "a type that is none");
      };
    }

    private Object value(String signature, int depth) throws MalformedStructureException {
      List<Object> read = values(signature, depth);
      if (read.size() != 1) {
        throw new MalformedStructureException(WHAT, "not one value");
      }
      return read.get(0);
    }

    private List<Object> structure(String type, int depth) throws MalformedStructureException {
      align(8);
      return values(type.substring(1, type.length() - 1), depth + 1);
    }

    private Object array(String of, int depth) throws MalformedStructureException {
      long length = number(4);
      align(alignment(of.charAt(0)));
      if (length > in.remaining()) {
        throw new MalformedStructureException(WHAT, "ends early");
      }
      int end = in.position() + (int) length;
      boolean isMap = of.startsWith("{");
      Map<Object, Object> map = new LinkedHashMap<>();
      List<Object> list = new ArrayList<>();
      while (in.position() < end) {
        if (isMap) {
          List<Object> entry = structure(of, depth + 1);
          if (entry.size() != 2) {
            throw new MalformedStructureException(WHAT, "a type that is none");
          }
          map.put(entry.get(0), entry.get(1));
        } else {
          list.add(one(of, depth + 1));
        }
      }
      if (in.position() != end) {
        throw new MalformedStructureException(WHAT, "an array that is not as long as it says");
      }
      return isMap ? map : list;
    }

    private static int alignment(char type) {
      return switch (type) {
        case 'y', 'g', 'v' -> 1;
        case 'n', 'q' -> 2;
        case 'x', 't', 'd', '(', '{' -> 8;
        default -> 4;
      };
    }

    void align(int to) {
      while (in.position() % to != 0) {
        in.get();
      }
    }

    private long number(int size) {
      align(size);
      return switch (size) {
        case 2 -> Short.toUnsignedLong(in.getShort());
        case 4 -> Integer.toUnsignedLong(in.getInt());
        default -> in.getLong();
      };
    }

    private String text(long length) throws MalformedStructureException {
      if (length >= in.remaining()) {
        throw new MalformedStructureException(WHAT, "ends early");
      }
      byte[] bytes = new byte[(int) length];
      in.get(bytes);
      if (in.get() != 0) {
        throw new MalformedStructureException(WHAT, "a text without its end");
      }
      return new String(bytes, StandardCharsets.UTF_8);
    }
  }

  /** Without what it carries. */
  @Override
  public String toString() {
    return "DbusMessage[type %d]".formatted(type);
  }
}
