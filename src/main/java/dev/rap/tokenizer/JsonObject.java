package dev.rap.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.rap.InputException;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A JSON object of a file, read with the types that are expected. A key that is absent and one that
 * is {@code null} are the same.
 *
 * @param where the file, and the place in it, for messages
 */
record JsonObject(String where, JsonNode node) {
  JsonObject {
    if (!node.isObject()) {
      throw new InputException(
          "%s is %s, expected an object: fetch the file again".formatted(where, describe(node)));
    }
  }

  Optional<JsonNode> find(String key) {
    return Optional.ofNullable(node.get(key)).filter(value -> !value.isNull());
  }

  Optional<JsonObject> object(String key) {
    return find(key).map(value -> new JsonObject(where + "." + key, value));
  }

  JsonObject requireObject(String key) {
    return new JsonObject(where + "." + key, require(key, "an object"));
  }

  /** {@return the elements of an array; none if it is absent} */
  List<JsonNode> array(String key) {
    Optional<JsonNode> value = find(key);
    if (value.isEmpty()) {
      return List.of();
    }
    check(value.get().isArray(), key, value.get(), "an array");
    return List.copyOf(value.get().valueStream().toList());
  }

  List<JsonNode> requireArray(String key) {
    require(key, "an array");
    return array(key);
  }

  /** {@return the elements of an array of objects; none if it is absent} */
  List<JsonObject> objects(String key) {
    List<JsonNode> elements = array(key);
    return IntStream.range(0, elements.size())
        .mapToObj(i -> new JsonObject("%s.%s[%d]".formatted(where, key, i), elements.get(i)))
        .toList();
  }

  Optional<String> text(String key) {
    Optional<JsonNode> value = find(key);
    value.ifPresent(found -> check(found.isTextual(), key, found, "a string"));
    return value.map(JsonNode::textValue);
  }

  String requireText(String key) {
    return text(key).orElseThrow(() -> missing(key, "a string"));
  }

  /** {@return a string, with U+FFFD for each lone surrogate} */
  String requireWellFormed(String key) {
    return WellFormed.of(requireText(key));
  }

  /** {@return a string of one code point} */
  String requireCharacter(String key) {
    String text = requireWellFormed(key);
    check(text.codePointCount(0, text.length()) == 1, key, require(key, ""), "one character");
    return text;
  }

  /** {@return an integer from 0 to {@code most}} */
  int requireInteger(String key, int most) {
    long value = requireInteger(key);
    check(value >= 0 && value <= most, key, require(key, ""), "an integer from 0 to " + most);
    return (int) value;
  }

  boolean flag(String key, boolean otherwise) {
    Optional<JsonNode> value = find(key);
    value.ifPresent(found -> check(found.isBoolean(), key, found, "true or false"));
    return value.map(JsonNode::booleanValue).orElse(otherwise);
  }

  /** {@return an integer; one beyond a long is as bad as one of another type} */
  long requireInteger(String key) {
    return integer(key, require(key, "an integer"));
  }

  /** {@return the integer {@code value}, which is that of {@code key} or part of it} */
  long integer(String key, JsonNode value) {
    check(value.isIntegralNumber() && value.canConvertToLong(), key, value, "an integer");
    return value.longValue();
  }

  /** {@return the refusal of an element of {@code key}} */
  InputException odd(String key, JsonNode element, String expected) {
    return new InputException(
        "%s.%s has the element %s, expected %s: fetch the file again"
            .formatted(where, key, Vocabulary.quote(element.toString()), expected));
  }

  /** {@return the refusal of what is right, but not supported} */
  InputException unsupported(String what, String supported) {
    return new InputException(
        "%s is %s, which is not supported; supported: %s"
            .formatted(where, Vocabulary.quote(what), supported));
  }

  private JsonNode require(String key, String expected) {
    return find(key).orElseThrow(() -> missing(key, expected));
  }

  private InputException missing(String key, String expected) {
    return new InputException(
        "%s.%s is missing, expected %s: fetch the file again".formatted(where, key, expected));
  }

  private void check(boolean asExpected, String key, JsonNode found, String expected) {
    if (!asExpected) {
      throw new InputException(
          "%s.%s is %s, expected %s: fetch the file again"
              .formatted(where, key, describe(found), expected));
    }
  }

  private static String describe(JsonNode node) {
    return switch (node.getNodeType()) {
      case OBJECT -> "an object";
      case ARRAY -> "an array";
      default -> Vocabulary.quote(node.asText());
    };
  }
}
