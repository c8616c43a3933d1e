package dev.rap.tokenizer;

import dev.rap.InputException;
import dev.rap.checkpoint.GgufCheckpoint;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Reads {@code tokenizer.ggml.*} and {@code tokenizer.chat_template}.
 *
 * <p>GGUF does not hold all that Hugging Face's file does: that Llama 3 ignores merges and adds its
 * BOS, and that Qwen2 normalises to NFC, is known by the name of the pre-tokenizer.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">GGUF</a>
 */
final class GgufDefinition {
  private static final String KEY = "tokenizer.ggml.";

  // tokenizer.ggml.token_type
  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int UNUSED = 5;

  private final GgufCheckpoint file;
  private final String source;
  private final List<String> tokens;
  private final Vocabulary vocabulary;

  private GgufDefinition(GgufCheckpoint file) {
    this.file = file;
    this.source = file.path().toString();
    requireModel();
    this.tokens = strings("tokens");
    if (tokens.isEmpty()) {
      throw new InputException(
          "%s has no token in %stokens: convert the model again".formatted(source, KEY));
    }
    this.vocabulary = new Vocabulary(source);
    for (int id = 0; id < tokens.size(); id++) {
      vocabulary.add(tokens.get(id), id);
    }
  }

  /**
   * {@return the tokenizer of {@code file}}
   *
   * @throws InputException if there is none, it is damaged, or of a kind that is not supported
   */
  static TokenizerDefinition read(GgufCheckpoint file) {
    return new GgufDefinition(file).read();
  }

  private TokenizerDefinition read() {
    String name = file.string(KEY + "pre").orElse("default");
    PreTokenizer preTokenizer =
        PreTokenizer.named(name).orElseThrow(() -> unsupported("pre", name, PreTokenizer.NAMES));
    boolean llama3 = name.equals("llama-bpe");
    OptionalInt bos = id("bos_token_id");
    Set<Integer> ends = ends();
    Set<Integer> special = new HashSet<>(ends);
    bos.ifPresent(special::add);
    List<AddedToken> added = added(special);
    return new TokenizerDefinition(
        vocabulary,
        added,
        name.equals("qwen2"),
        preTokenizer,
        encoder(llama3),
        special,
        bos,
        bos.isPresent() && file.flag(KEY + "add_bos_token").orElse(llama3),
        ends,
        file.string("tokenizer.chat_template"));
  }

  private void requireModel() {
    String model =
        file.string(KEY + "model")
            .orElseThrow(
                () ->
                    new InputException(
                        "%s has no %smodel: it holds no tokenizer, use a file that does"
                            .formatted(source, KEY)));
    if (!model.equals("gpt2")) {
      throw unsupported("model", model, "gpt2 (byte-level BPE)");
    }
  }

  private InputException unsupported(String key, String found, String supported) {
    return new InputException(
        "%s: %s%s is %s, which is not supported; supported: %s"
            .formatted(source, KEY, key, Vocabulary.quote(found), supported));
  }

  private List<String> strings(String key) {
    return file.strings(KEY + key)
        .orElseThrow(
            () ->
                new InputException(
                    "%s has no %s%s, expected a list of strings: convert the model again"
                        .formatted(source, KEY, key)));
  }

  private OptionalInt id(String key) {
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

  private Set<Integer> ends() {
    Set<Integer> ends = new HashSet<>();
    for (String key : List.of("eos_token_id", "eot_token_id", "eom_token_id")) {
      id(key).ifPresent(ends::add);
    }
    for (String text : TokenizerDefinition.END_TEXTS) {
      vocabulary.find(text).ifPresent(ends::add);
    }
    return ends;
  }

  // Puts the other tokens that are no text into special, too.
  private List<AddedToken> added(Set<Integer> special) {
    Optional<int[]> types = file.integers(KEY + "token_type");
    if (types.isPresent() && types.get().length != tokens.size()) {
      throw new InputException(
          "%s: %stoken_type has %d entries for %d tokens: convert the model again"
              .formatted(source, KEY, types.get().length, tokens.size()));
    }
    List<AddedToken> added = new ArrayList<>();
    for (int id = 0; id < tokens.size(); id++) {
      int type = types.isPresent() ? types.get()[id] : NORMAL;
      if (type == UNKNOWN || type == CONTROL) {
        special.add(id);
      }
      if (type == USER_DEFINED || special.contains(id)) {
        added.add(AddedToken.exact(id, tokens.get(id), special.contains(id)));
      }
      if (type == UNUSED) {
        special.add(id);
      }
    }
    return added;
  }

  private BytePairEncoder encoder(boolean ignoreMerges) {
    List<String> lines = strings("merges");
    MergeReader merges = new MergeReader(source, vocabulary, lines.size());
    lines.forEach(merges::add);
    return new BytePairEncoder(
        vocabulary.ids(), merges.merges(), ignoreMerges, OptionalInt.empty(), false);
  }
}
