package dev.rap.tokenizer;

import dev.rap.InputException;
import dev.rap.checkpoint.GgufCheckpoint;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Reads {@code tokenizer.ggml.*} and {@code tokenizer.chat_template}.
 *
 * <p>GGUF does not hold all that Hugging Face's file does: that Llama 3 ignores merges and adds its
 * BOS, and that Qwen2 normalises to NFC, is known by the name of the pre-tokenizer; that Phi-3's
 * special tokens take in the spaces behind them, by the name of the model.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">GGUF</a>
 */
final class GgufDefinition {
  private static final Set<String> PHI3_KEEPS_SPACES = Set.of("<unk>", "<s>", "<|endoftext|>");

  private final GgufCheckpoint file;
  private final GgufTokens tokens;

  private GgufDefinition(GgufCheckpoint file) {
    this.file = file;
    this.tokens = new GgufTokens(file);
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
    GgufModel model = GgufModel.read(tokens);
    OptionalInt bos = tokens.id("bos_token_id");
    Set<Integer> ends = ends();
    Set<Integer> special = new HashSet<>(ends);
    bos.ifPresent(special::add);
    List<AddedToken> added = added(special);
    return new TokenizerDefinition(
        tokens.vocabulary(),
        added,
        model.normalizer(),
        model.preTokenizer(),
        model.encoder(),
        model.decoder(),
        special,
        bos,
        around("add_bos_token", model.addsBos(), bos),
        around("add_eos_token", model.addsEos(), tokens.id("eos_token_id")),
        ends,
        named(),
        file.string("tokenizer.chat_template"));
  }

  private List<Integer> around(String key, boolean otherwise, OptionalInt token) {
    boolean adds = file.flag(GgufTokens.KEY + key).orElse(otherwise);
    return adds && token.isPresent() ? List.of(token.getAsInt()) : List.of();
  }

  // GGUF spells some names differently.
  private Map<String, String> named() {
    Map<String, String> named = new HashMap<>();
    for (String name : TokenizerDefinition.TOKEN_NAMES) {
      String key =
          switch (name) {
            case "unk_token" -> "unknown_token";
            case "pad_token" -> "padding_token";
            case "sep_token" -> "seperator_token";
            default -> name;
          };
      tokens.id(key + "_id").ifPresent(id -> named.put(name, tokens.text(id)));
    }
    return named;
  }

  private Set<Integer> ends() {
    Set<Integer> ends = new HashSet<>();
    for (String key : List.of("eos_token_id", "eot_token_id", "eom_token_id")) {
      tokens.id(key).ifPresent(ends::add);
    }
    for (String text : TokenizerDefinition.END_TEXTS) {
      tokens.vocabulary().find(text).ifPresent(ends::add);
    }
    return ends;
  }

  // Puts the other tokens that are no text into special, too.
  private List<AddedToken> added(Set<Integer> special) {
    String name = file.string("general.name").orElse("").toLowerCase(Locale.ROOT);
    boolean phi3 = name.contains("phi-3") || name.contains("phi3");
    List<AddedToken> added = new ArrayList<>();
    for (int id = 0; id < tokens.size(); id++) {
      int type = tokens.type(id);
      if (type == GgufTokens.UNKNOWN || type == GgufTokens.CONTROL) {
        special.add(id);
      }
      boolean isSpecial = special.contains(id);
      if (type == GgufTokens.USER_DEFINED || isSpecial) {
        String text = tokens.text(id);
        boolean rightStrip = phi3 && isSpecial && !PHI3_KEEPS_SPACES.contains(text);
        added.add(new AddedToken(id, text, isSpecial, false, false, rightStrip, false));
      }
      if (type == GgufTokens.UNUSED) {
        special.add(id);
      }
    }
    return added;
  }
}
