package dev.serai.keylime;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.BeanProperty;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.deser.ContextualDeserializer;
import com.fasterxml.jackson.databind.deser.std.StdScalarDeserializer;
import com.fasterxml.jackson.databind.deser.std.StringDeserializer;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.io.IOException;
import java.util.Base64;
import java.util.Optional;

/**
 * Reads and writes the JSON of these interfaces. Sizes are bounded before anything is parsed,
 * unknown fields are passed over, doubled fields and trailing text are malformed. An absent field
 * and a null one are the same empty {@code Optional}; any other field is required.
 */
public final class KeylimeJson {
  /** Largest JSON body with logs in it; requests without logs have smaller limits of their own. */
  public static final int MAX_EVIDENCE_SIZE = 64 * 1024 * 1024;

  private static final ObjectMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(32)
                          .maxNumberLength(40)
                          .maxNameLength(256)
                          .maxStringLength(MAX_EVIDENCE_SIZE)
                          .build())
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .addModule(optionals())
          .build();

  private KeylimeJson() {}

  /**
   * @param limit largest size accepted, in bytes; checked before parsing
   * @throws MalformedStructureException too large, not JSON, or a field of another type
   */
  public static <T> T read(Bytes body, int limit, Class<T> type)
      throws MalformedStructureException {
    return read(body, limit, MAPPER.getTypeFactory().constructType(type));
  }

  /** An {@link Envelope} around results of this type. */
  public static <T> Envelope<T> readEnvelope(Bytes body, int limit, Class<T> results)
      throws MalformedStructureException {
    return read(
        body, limit, MAPPER.getTypeFactory().constructParametricType(Envelope.class, results));
  }

  private static <T> T read(Bytes body, int limit, JavaType type)
      throws MalformedStructureException {
    String structure = type.getRawClass().getSimpleName();
    if (body.size() > limit) {
      throw new MalformedStructureException(
          structure, "%d bytes, at most %d are allowed".formatted(body.size(), limit));
    }
    try {
      ObjectReader reader = MAPPER.readerFor(type);
      T value = reader.readValue(body.toArray());
      if (value == null) {
        throw new MalformedStructureException(structure, "null");
      }
      return value;
    } catch (JsonProcessingException e) {
      throw new MalformedStructureException(structure, whatAndWhere(e));
    } catch (IOException e) { // bytes that are no characters
      throw new MalformedStructureException(structure, "not readable as text");
    }
  }

  /** Without the value that was read: it may be secret. */
  private static String whatAndWhere(JsonProcessingException e) {
    String where =
        e.getLocation() == null
            ? ""
            : " at line %d column %d"
                .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr());
    if (e instanceof JsonMappingException mapping && !mapping.getPath().isEmpty()) {
      return "a field is not of its type: "
          + mapping.getPath().get(mapping.getPath().size() - 1).getFieldName()
          + where;
    }
    return "not readable as JSON" + where;
  }

  /** The JSON text in UTF-8. */
  public static Bytes write(Object value) {
    try {
      return Bytes.copyOf(MAPPER.writeValueAsBytes(value));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a record of ours does not become JSON", e);
    }
  }

  /**
   * Standard base64 as peers send it: padded, in one line or several.
   *
   * @param field the name to report
   * @param limit largest decoded size accepted
   */
  public static Bytes base64(String field, String text, int limit)
      throws MalformedStructureException {
    if (text.length() > (limit + 2L) / 3 * 4 + limit / 32 + 8) {
      throw new MalformedStructureException(field, "more than %d bytes".formatted(limit));
    }
    byte[] decoded;
    try {
      decoded = Base64.getDecoder().decode(withoutLineEnds(text));
    } catch (IllegalArgumentException e) {
      throw new MalformedStructureException(field, "not base64");
    }
    if (decoded.length > limit) {
      throw new MalformedStructureException(field, "more than %d bytes".formatted(limit));
    }
    return Bytes.copyOf(decoded);
  }

  private static String withoutLineEnds(String text) {
    return text.indexOf('\n') < 0 ? text : text.replace("\r", "").replace("\n", "");
  }

  private static SimpleModule optionals() {
    SimpleModule module = new SimpleModule("optionals");
    module.addSerializer(Optional.class, new WriteOptional());
    module.addDeserializer(Optional.class, new ReadOptional(null));
    module.addDeserializer(String.class, new ReadText());
    return module;
  }

  /** Half a character cannot be written again, nor kept in the database. */
  private static final class ReadText extends StdScalarDeserializer<String> {
    private static final long serialVersionUID = 1L;

    ReadText() {
      super(String.class);
    }

    @Override
    public String deserialize(JsonParser in, DeserializationContext context) throws IOException {
      String text = StringDeserializer.instance.deserialize(in, context);
      if (text != null && hasHalfCharacter(text)) {
        throw JsonMappingException.from(in, "half a character");
      }
      return text;
    }

    private static boolean hasHalfCharacter(String text) {
      for (int i = 0; i < text.length(); i++) {
        if (Character.isSurrogate(text.charAt(i))) {
          if (i + 1 == text.length()
              || !Character.isSurrogatePair(text.charAt(i), text.charAt(i + 1))) {
            return true;
          }
          i++;
        }
      }
      return false;
    }
  }

  @SuppressWarnings("rawtypes")
  private static final class WriteOptional extends JsonSerializer<Optional> {
    @Override
    public void serialize(Optional value, JsonGenerator out, SerializerProvider provider)
        throws IOException {
      if (value.isPresent()) {
        provider.defaultSerializeValue(value.get(), out);
      } else {
        out.writeNull();
      }
    }

    @Override
    public boolean isEmpty(SerializerProvider provider, Optional value) {
      return value.isEmpty();
    }
  }

  @SuppressWarnings("rawtypes")
  private static final class ReadOptional extends JsonDeserializer<Optional>
      implements ContextualDeserializer {
    private final JavaType content;

    ReadOptional(JavaType content) {
      this.content = content;
    }

    @Override
    public JsonDeserializer<?> createContextual(DeserializationContext context, BeanProperty at) {
      JavaType optional = at == null ? context.getContextualType() : at.getType();
      return new ReadOptional(optional.containedTypeOrUnknown(0));
    }

    @Override
    public Optional deserialize(JsonParser in, DeserializationContext context) throws IOException {
      return Optional.of((Object) context.readValue(in, content));
    }

    @Override
    public Optional getNullValue(DeserializationContext context) {
      return Optional.empty();
    }

    @Override
    public Object getAbsentValue(DeserializationContext context) {
      return Optional.empty();
    }
  }
}
