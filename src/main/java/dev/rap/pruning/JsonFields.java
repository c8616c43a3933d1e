package dev.rap.pruning;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;

/**
 * The fields of a JSON object, each asked for once. Whatever is not as asked for is an {@code
 * IllegalArgumentException} that names the place, what is expected and what was found.
 */
final class JsonFields {
  private static final int MOST_CHARACTERS = 256; // of a text: names and digests are shorter

  private final String place;
  private final JsonNode object;
  private final Set<String> asked = new HashSet<>();

  /**
   * @param place where the object lies, empty for the whole file
   */
  JsonFields(String place, JsonNode object) {
    if (!object.isObject()) {
      throw refusal(place.isEmpty() ? "the file" : place, "an object", object);
    }
    this.place = place;
    this.object = object;
  }

  private static IllegalArgumentException refusal(String place, String expected, JsonNode found) {
    String text = found.isMissingNode() ? "nothing" : found.toString();
    return new IllegalArgumentException(
        "%s must be %s, was %s"
            .formatted(place, expected, text.length() > 60 ? text.substring(0, 60) + "..." : text));
  }

  private String at(String name) {
    return place.isEmpty() ? name : place + "." + name;
  }

  private JsonNode ask(String name) {
    asked.add(name);
    return object.path(name);
  }

  /** Refuses fields that nobody has asked for. */
  void end() {
    for (var entry : object.properties()) {
      if (!asked.contains(entry.getKey())) {
        throw new IllegalArgumentException(
            "%s is not known here".formatted(at(brief(entry.getKey()))));
      }
    }
  }

  private static String brief(String key) {
    return key.length() > 60 ? key.substring(0, 60) + "..." : key;
  }

  String text(String name) {
    JsonNode node = ask(name);
    if (!node.isTextual()) {
      throw refusal(at(name), "a text", node);
    }
    if (node.textValue().length() > MOST_CHARACTERS) {
      throw refusal(at(name), "at most %d characters".formatted(MOST_CHARACTERS), node);
    }
    return node.textValue();
  }

  /** {@return the text; empty where the field is null} */
  Optional<String> optionalText(String name) {
    JsonNode node = ask(name);
    return node.isNull() ? Optional.empty() : Optional.of(text(name));
  }

  int integer(String name) {
    return integer(at(name), ask(name));
  }

  private static int integer(String place, JsonNode node) {
    if (!node.isIntegralNumber() || !node.canConvertToInt()) {
      throw refusal(place, "a whole number", node);
    }
    return node.intValue();
  }

  long longInteger(String name) {
    JsonNode node = ask(name);
    if (!node.isIntegralNumber() || !node.canConvertToLong()) {
      throw refusal(at(name), "a whole number", node);
    }
    return node.longValue();
  }

  double number(String name) {
    return number(at(name), ask(name));
  }

  private static double number(String place, JsonNode node) {
    if (!node.isNumber() || !Double.isFinite(node.doubleValue())) {
      throw refusal(place, "a finite number", node);
    }
    return node.doubleValue();
  }

  /** {@return the number, NaN for null} */
  double numberOrNull(String name) {
    return numberOrNull(at(name), ask(name));
  }

  private static double numberOrNull(String place, JsonNode node) {
    return node.isNull() ? Double.NaN : number(place, node);
  }

  /** {@return the field as it is} */
  JsonNode node(String name) {
    return ask(name);
  }

  JsonFields object(String name) {
    return new JsonFields(at(name), ask(name));
  }

  /** {@return the object; empty where the field is null} */
  Optional<JsonFields> optionalObject(String name) {
    JsonNode node = ask(name);
    return node.isNull() ? Optional.empty() : Optional.of(new JsonFields(at(name), node));
  }

  /** {@return each element as {@code form} makes it of its place and node} */
  private <T> List<T> list(String name, BiFunction<String, JsonNode, T> form) {
    JsonNode node = ask(name);
    if (!node.isArray()) {
      throw refusal(at(name), "an array", node);
    }
    List<T> list = new ArrayList<>(node.size());
    for (int i = 0; i < node.size(); i++) {
      list.add(form.apply("%s[%d]".formatted(at(name), i), node.get(i)));
    }
    return list;
  }

  List<Integer> integers(String name) {
    return list(name, JsonFields::integer);
  }

  /** {@return the numbers, NaN for null} */
  List<Double> numbers(String name) {
    return list(name, JsonFields::numberOrNull);
  }

  /** {@return the objects' fields} */
  List<JsonFields> objects(String name) {
    return list(name, JsonFields::new);
  }

  float[] floats(String name) {
    return floats(at(name), ask(name));
  }

  List<float[]> floatArrays(String name) {
    return list(name, JsonFields::floats);
  }

  /** Little-endian singles in base64. */
  private static float[] floats(String place, JsonNode node) {
    try {
      byte[] bytes = Base64.getDecoder().decode(node.isTextual() ? node.textValue() : "?");
      if (bytes.length % Float.BYTES == 0) {
        float[] floats = new float[bytes.length / Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats);
        return floats;
      }
    } catch (IllegalArgumentException e) {
      throw (IllegalArgumentException) refusal(place, "floats in base64", node).initCause(e);
    }
    throw refusal(place, "whole floats in base64", node);
  }
}
