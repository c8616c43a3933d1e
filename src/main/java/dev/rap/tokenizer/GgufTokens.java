package dev.rap.tokenizer;

import dev.rap.InputException;
import dev.rap.checkpoint.GgufCheckpoint;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The vocabulary of a GGUF file: {@code tokenizer.ggml.tokens}, {@code token_type} and {@code
 * scores}.
 */
final class GgufTokens {
  static final String KEY = "tokenizer.ggml.";

  // tokenizer.ggml.token_type
  static final int NORMAL = 1;
  static final int UNKNOWN = 2;
  static final int CONTROL = 3;
  static final int USER_DEFINED = 4;
  static final int UNUSED = 5;

  private static final Set<String> MODELS = Set.of("gpt2", "llama", "t5");
  private static final String SUPPORTED =
      "gpt2 (byte-level BPE), llama (SentencePiece BPE), t5 (SentencePiece unigram)";

  private final GgufCheckpoint file;
  private final String source;
  private final String model;
  private final List<String> tokens;
  private final Vocabulary vocabulary;
  private final Optional<int[]> types;

  /**
   * @throws InputException if there is none, it is damaged, or of a kind that is not supported
   */
  GgufTokens(GgufCheckpoint file) {
    this.file = file;
    this.source = file.path().toString();
    this.model =
        file.string(KEY + "model")
            .orElseThrow(
                () ->
                    new InputException(
                        "%s has no %smodel: it holds no tokenizer, use a file that does"
                            .formatted(source, KEY)));
    if (!MODELS.contains(model)) {
      throw unsupported("model", model, SUPPORTED);
    }
    this.tokens = strings("tokens").toList();
    if (tokens.isEmpty()) {
      throw new InputException(
          "%s has no token in %stokens: convert the model again".formatted(source, KEY));
    }
    this.vocabulary = new Vocabulary(source);
    for (int id = 0; id < tokens.size(); id++) {
      vocabulary.add(tokens.get(id), id);
    }
    this.types = file.integers(KEY + "token_type");
    types.ifPresent(found -> requireOneEach("token_type", found.length));
  }

  private void requireOneEach(String key, int length) {
    if (length != tokens.size()) {
      throw new InputException(
          "%s: %s%s has %d entries for %d tokens: convert the model again"
              .formatted(source, KEY, key, length, tokens.size()));
    }
  }

  GgufCheckpoint file() {
    return file;
  }

  /** {@return gpt2, llama or t5} */
  String model() {
    return model;
  }

  Vocabulary vocabulary() {
    return vocabulary;
  }

  int size() {
    return tokens.size();
  }

  String text(int id) {
    return tokens.get(id);
  }

  /** {@return the type of a token, of those above or another} */
  int type(int id) {
    return types.isPresent() ? types.get()[id] : NORMAL;
  }

  /** {@return whether a token is found in text by the encoder} */
  boolean isText(int id) {
    return type(id) == NORMAL || type(id) == USER_DEFINED || type(id) == UNUSED;
  }

  /** {@return whether a token does not steer the model} */
  boolean isNoControl(int id) {
    return type(id) != CONTROL;
  }

  /** {@return the score of each token} */
  float[] scores() {
    float[] scores =
        file.numbers(KEY + "scores")
            .orElseThrow(
                () ->
                    new InputException(
                        "%s has no %sscores, expected a list of numbers: convert the model again"
                            .formatted(source, KEY)));
    requireOneEach("scores", scores.length);
    return scores;
  }

  double[] doubleScores() {
    float[] scores = scores();
    return IntStream.range(0, scores.length).mapToDouble(id -> scores[id]).toArray();
  }

  Stream<String> strings(String key) {
    return file.strings(KEY + key)
        .orElseThrow(
            () ->
                new InputException(
                    "%s has no %s%s, expected a list of strings: convert the model again"
                        .formatted(source, KEY, key)));
  }

  /** {@return SentencePiece's compiled rules, if there are any} */
  Optional<CharsMap> charsMap() {
    return file.integers(KEY + "precompiled_charsmap")
        .filter(found -> found.length > 0)
        .map(
            found -> {
              byte[] bytes = new byte[found.length];
              for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) found[i];
              }
              try {
                return new CharsMap(bytes);
              } catch (IllegalArgumentException e) {
                throw new InputException(
                    "%s: %sprecompiled_charsmap %s: convert the model again"
                        .formatted(source, KEY, e.getMessage()),
                    e);
              }
            });
  }

  OptionalInt id(String key) {
    OptionalLong id = file.integer(KEY + key);
    if (id.isEmpty()) {
      return OptionalInt.empty();
    }
    if (id.getAsLong() < 0 || id.getAsLong() >= tokens.size()) {
      throw new InputException(
          "%s: %s%s is %d, expected an id below %d: convert the model again"
              .formatted(source, KEY, key, id.getAsLong(), tokens.size()));
    }
    return OptionalInt.of((int) id.getAsLong());
  }

  /** {@return the id that a key names; without it, the first token of type unknown} */
  int requireId(String key) {
    return id(key)
        .orElseGet(
            () ->
                IntStream.range(0, size())
                    .filter(id -> type(id) == UNKNOWN)
                    .findFirst()
                    .orElseThrow(
                        () ->
                            new InputException(
                                "%s has no %s%s: convert the model again"
                                    .formatted(source, KEY, key))));
  }

  InputException unsupported(String key, String found, String supported) {
    return new InputException(
        "%s: %s%s is %s, which is not supported; supported: %s"
            .formatted(source, KEY, key, Vocabulary.quote(found), supported));
  }
}
