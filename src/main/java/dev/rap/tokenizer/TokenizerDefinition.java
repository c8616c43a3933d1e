package dev.rap.tokenizer;

import dev.rap.InputException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What a model file says about its tokenizer, checked.
 *
 * @param vocabulary all tokens, added ones included
 * @param added tokens that are looked for in the text itself
 * @param normalizer of text between added tokens
 * @param special tokens that are left out of decoded text; those of {@code added} that are special,
 *     {@code bos} and {@code ends} are among them
 * @param bos begins a text
 * @param prefix what the model expects before a text
 * @param suffix what the model expects behind a text
 * @param ends any of them ends a turn or a text
 * @param named texts of tokens by their names in chat templates, such as {@code eos_token}
 * @param chatTemplate Jinja
 */
record TokenizerDefinition(
    Vocabulary vocabulary,
    List<AddedToken> added,
    Normalizer normalizer,
    PreTokenizer preTokenizer,
    Encoder encoder,
    Decoder decoder,
    Set<Integer> special,
    OptionalInt bos,
    List<Integer> prefix,
    List<Integer> suffix,
    Set<Integer> ends,
    Map<String, String> named,
    Optional<String> chatTemplate) {
  /**
   * Tokens of these texts end a turn or a text in every vocabulary that has them. {@code </s>} is
   * not among them, because in byte-level vocabularies it may be HTML.
   */
  static final List<String> END_TEXTS =
      List.of(
          "<|im_end|>",
          "<|eot_id|>",
          "<|eom_id|>",
          "<|end_of_text|>",
          "<|endoftext|>",
          "<|end|>",
          "<end_of_turn>");

  /** The names that a chat template may know tokens by. */
  static final List<String> TOKEN_NAMES =
      List.of("bos_token", "eos_token", "unk_token", "pad_token", "sep_token");

  /**
   * @throws InputException if an added token is too long
   */
  TokenizerDefinition {
    for (AddedToken token : added) {
      if (token.content().length() > AddedToken.LONGEST) {
        throw new InputException(
            "%s: the added token %d, %s, has %d characters, expected at most %d: use another file"
                .formatted(
                    vocabulary.source(),
                    token.id(),
                    Vocabulary.quote(token.content()),
                    token.content().length(),
                    AddedToken.LONGEST));
      }
    }
    added = List.copyOf(added);
    special = Set.copyOf(special);
    ends = Set.copyOf(ends);
    prefix = List.copyOf(prefix);
    suffix = List.copyOf(suffix);
    named = Map.copyOf(named);
  }
}
