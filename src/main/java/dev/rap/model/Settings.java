package dev.rap.model;

import com.fasterxml.jackson.databind.JsonNode;
import dev.rap.InputException;
import dev.rap.checkpoint.GgufCheckpoint;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Supplier;

/**
 * What a checkpoint says about its model. Each getter is empty if the key is absent, and throws
 * {@link InputException} if its value is of another type.
 */
sealed interface Settings {
  /** More than any model has, and little enough that products of two fit 64 bits. */
  int MOST = 1 << 24;

  /** Characters of the file's own text in a message or a name. */
  int MOST_SHOWN = 80;

  /** {@return the file, for messages} */
  Path source();

  OptionalLong integer(String key);

  OptionalDouble number(String key);

  Optional<String> string(String key);

  /** Settings in the metadata of a GGUF file. */
  record Gguf(GgufCheckpoint checkpoint) implements Settings {
    @Override
    public Path source() {
      return checkpoint.path();
    }

    @Override
    public OptionalLong integer(String key) {
      return checkpoint.integer(key);
    }

    @Override
    public OptionalDouble number(String key) {
      return checkpoint.number(key);
    }

    @Override
    public Optional<String> string(String key) {
      return checkpoint.string(key);
    }
  }

  /** Settings in a JSON object. What is null there counts as absent. */
  record Json(Path source, JsonNode object) implements Settings {
    @Override
    public OptionalLong integer(String key) {
      JsonNode value = object.path(key);
      if (value.isMissingNode() || value.isNull()) {
        return OptionalLong.empty();
      }
      require(value.isIntegralNumber() && value.canConvertToLong(), key, "an integer");
      return OptionalLong.of(value.longValue());
    }

    @Override
    public OptionalDouble number(String key) {
      JsonNode value = object.path(key);
      if (value.isMissingNode() || value.isNull()) {
        return OptionalDouble.empty();
      }
      require(value.isNumber(), key, "a number");
      return OptionalDouble.of(value.doubleValue());
    }

    @Override
    public Optional<String> string(String key) {
      JsonNode value = object.path(key);
      if (value.isMissingNode() || value.isNull()) {
        return Optional.empty();
      }
      require(value.isTextual(), key, "a string");
      return Optional.of(value.textValue());
    }

    boolean flag(String key) {
      JsonNode value = object.path(key);
      require(value.isMissingNode() || value.isNull() || value.isBoolean(), key, "true or false");
      return value.asBoolean();
    }

    /** {@return the settings in the object of this key; none if it is absent} */
    Json object(String key) {
      JsonNode value = object.path(key);
      require(value.isMissingNode() || value.isNull() || value.isObject(), key, "an object");
      return new Json(source, value);
    }

    /** {@return so many positive numbers that must be there} */
    float[] positives(String key, int count) {
      JsonNode values = object.path(key);
      if (values.isMissingNode() || values.isNull()) {
        throw missing(key);
      }
      boolean asExpected = values.isArray() && values.size() == count;
      float[] numbers = new float[values.size()];
      for (int i = 0; asExpected && i < count; i++) {
        numbers[i] = values.get(i).floatValue();
        asExpected = values.get(i).isNumber() && numbers[i] > 0 && Float.isFinite(numbers[i]);
      }
      require(asExpected, key, "a list of %d positive numbers".formatted(count));
      return numbers;
    }

    private void require(boolean asExpected, String key, String expected) {
      if (!asExpected) {
        throw refusal(
            "sets %s to %s, expected %s: fetch it again".formatted(key, shown(key), expected));
      }
    }

    /** {@return the value of this key, for a message} */
    String shown(String key) {
      return Settings.printable(object.path(key).toString());
    }
  }

  /** {@return text from the file as it may stand on a terminal} */
  static String printable(String text) {
    String start = text.length() > MOST_SHOWN ? text.substring(0, MOST_SHOWN) + "..." : text;
    return start.replaceAll("\\p{Cc}", "?");
  }

  /** {@return a count or length that must be there} */
  default int size(String key) {
    return findSize(key).orElseThrow(() -> missing(key));
  }

  /** {@return a count or length, 1 to {@link #MOST}} */
  default OptionalInt findSize(String key) {
    OptionalLong value = integer(key);
    if (value.isEmpty()) {
      return OptionalInt.empty();
    }
    if (value.getAsLong() < 1 || value.getAsLong() > MOST) {
      throw refusal(
          "sets %s to %d, expected 1 to %d: fetch it again"
              .formatted(key, value.getAsLong(), MOST));
    }
    return OptionalInt.of((int) value.getAsLong());
  }

  /** {@return the size of heads that share the hidden size evenly} */
  default int headSize(String hiddenSizeKey, int queryHeads) {
    int hiddenSize = size(hiddenSizeKey);
    if (hiddenSize % queryHeads != 0) {
      throw refusal(
          "sets %s to %d, expected a multiple of its %d heads: fetch it again"
              .formatted(hiddenSizeKey, hiddenSize, queryHeads));
    }
    return hiddenSize / queryHeads;
  }

  /** {@return how many elements of a head RoPE turns, which is all but where a family says else} */
  default int rotarySize(Family family, int stated, int headSize) {
    if (stated != headSize && !family.has(Family.Trait.PARTIAL_ROPE)) {
      throw unsupported(
          "RoPE on %d of %d dimensions in a %s".formatted(stated, headSize, family.title()),
          "RoPE on all dimensions");
    }
    return stated;
  }

  /** {@return scaling that divides all frequencies by {@code factor}} */
  default RopeScaling linear(double factor, int rotarySize) {
    float[] divisors = new float[rotarySize / 2];
    Arrays.fill(divisors, (float) factor);
    return new RopeScaling.Divisors(divisors);
  }

  /** {@return a positive, finite number that must be there} */
  default double positive(String key) {
    return findPositive(key).orElseThrow(() -> missing(key));
  }

  /** {@return a positive, finite number} */
  default OptionalDouble findPositive(String key) {
    OptionalDouble value = number(key);
    if (value.isPresent() && !(value.getAsDouble() > 0 && Double.isFinite(value.getAsDouble()))) {
      throw refusal(
          "sets %s to %s, expected a positive number: fetch it again"
              .formatted(key, value.getAsDouble()));
    }
    return value;
  }

  /** {@return the bound of scores or logits; 0 if it is absent} */
  default float softCap(String key) {
    return (float) findPositive(key).orElse(0);
  }

  /**
   * {@return YaRN, whose turns have the paper's defaults}
   *
   * @param theta of the model
   * @param fastTurnsKey where the file may say otherwise
   * @param slowTurnsKey likewise
   */
  default RopeScaling yarn(
      double factor,
      double attentionFactor,
      double theta,
      String fastTurnsKey,
      String slowTurnsKey,
      int originalContext,
      boolean wholePairs) {
    if (!(theta > 1)) {
      throw unsupported("YaRN on a RoPE base of " + theta, "a base above 1");
    }
    return new RopeScaling.Yarn(
        factor,
        attentionFactor,
        findPositive(fastTurnsKey).orElse(32),
        findPositive(slowTurnsKey).orElse(1),
        originalContext,
        wholePairs);
  }

  /** {@return the configuration made of settings that are each in range, if they agree} */
  default ModelConfig consistent(Supplier<ModelConfig> make) {
    try {
      ModelConfig config = make.get();
      config.querySize(); // fails if it does not fit 32 bits
      return config;
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw refusal(
          "its settings describe no model, as %s: fetch it again".formatted(e.getMessage()));
    }
  }

  default InputException missing(String key) {
    return refusal("lacks the setting %s: convert or fetch the model again".formatted(key));
  }

  /** {@return refusal of something that exists elsewhere, naming what there is here} */
  default InputException unsupported(String what, String supported) {
    return refusal(
        "has %s, which is not supported (yet); supported: %s: use another model"
            .formatted(what, supported));
  }

  default InputException refusal(String what) {
    return new InputException(source() + ": " + what);
  }
}
