package dev.rap.tokenizer;

import dev.rap.InputException;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufCheckpoint;
import dev.rap.checkpoint.HuggingFaceCheckpoint;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Turns text into the token ids of a model, and token ids into text.
 *
 * <p>Special tokens, such as the end of a turn, are made from text only by {@link
 * #encodeWithSpecial}; what a user typed goes through {@link #encode}, and cannot steer the model.
 * Added tokens that are not special are found by both, as in Hugging Face and llama.cpp.
 *
 * <p>Immutable, but for a cache of pieces; any number of threads may use it.
 */
public final class Tokenizer {
  private final Vocabulary vocabulary;
  private final AddedTokens addedTokens;
  private final BitSet addedIds = new BitSet();
  private final BitSet specialIds = new BitSet();
  private final PreTokenizer preTokenizer;
  private final BytePairEncoder encoder;
  private final OptionalInt bos;
  private final boolean addsBos;
  private final Set<Integer> ends;
  private final Optional<String> chatTemplate;

  Tokenizer(TokenizerDefinition definition) {
    vocabulary = definition.vocabulary();
    addedTokens = new AddedTokens(definition.added(), definition.nfc());
    definition.added().forEach(token -> addedIds.set(token.id()));
    definition.special().forEach(specialIds::set);
    preTokenizer = definition.preTokenizer();
    encoder = definition.encoder();
    bos = definition.bos();
    addsBos = definition.addsBos();
    ends = definition.ends();
    chatTemplate = definition.chatTemplate();
  }

  /**
   * {@return the tokenizer of a model}
   *
   * @throws InputException if it has none, or one that is damaged or not supported
   */
  public static Tokenizer of(Checkpoint checkpoint) {
    return new Tokenizer(
        switch (checkpoint) {
          case GgufCheckpoint file -> GgufDefinition.read(file);
          case HuggingFaceCheckpoint folder -> JsonFolder.read(folder);
        });
  }

  /** {@return one more than the largest id of a token; the model's output may be longer} */
  public int vocabularySize() {
    return vocabulary.size();
  }

  /**
   * {@return the tokens of plain text} Special tokens that are written in it are text like any
   * other, and no BOS is added. A lone surrogate is read as U+FFFD.
   */
  public int[] encode(String text) {
    return encode(text, false);
  }

  /**
   * {@return the tokens of text in which special tokens may be written} No BOS is added but those
   * that are written. A lone surrogate is read as U+FFFD.
   */
  public int[] encodeWithSpecial(String text) {
    return encode(text, true);
  }

  private int[] encode(String text, boolean special) {
    IntList tokens = new IntList();
    BytePairEncoder.Run run = encoder.run(tokens);
    addedTokens.split(
        WellFormed.of(text),
        special,
        new AddedTokens.Sections() {
          @Override
          public void text(String section) {
            preTokenizer.split(section, run);
          }

          @Override
          public void token(int id) {
            tokens.add(id);
          }
        });
    return tokens.from(0);
  }

  /**
   * {@return the bytes that a token stands for; of an added token, its content in UTF-8} An id
   * without a token has none: a model's output is often padded beyond the vocabulary.
   *
   * @throws IllegalArgumentException if {@code token} is negative
   */
  public byte[] bytes(int token) {
    requireNotNegative(token);
    String text = vocabulary.text(token).orElse("");
    return addedIds.get(token)
        ? WellFormed.of(text).getBytes(StandardCharsets.UTF_8)
        : ByteAlphabet.bytes(text);
  }

  /**
   * {@return whether a token steers the model and is no text}
   *
   * @throws IllegalArgumentException if {@code token} is negative
   */
  public boolean isSpecial(int token) {
    requireNotNegative(token);
    return specialIds.get(token);
  }

  private static void requireNotNegative(int token) {
    if (token < 0) {
      throw new IllegalArgumentException("token must not be negative, was " + token);
    }
  }

  /**
   * {@return the token of this text} Added tokens are found by their content, others by their text
   * in the vocabulary, where a space is {@code Ġ}.
   */
  public OptionalInt find(String tokenText) {
    return vocabulary.find(tokenText);
  }

  /** {@return the token that begins a text} */
  public OptionalInt bos() {
    return bos;
  }

  /** {@return the tokens that end a turn or a text: EOS, and those known by their names} */
  public Set<Integer> endTokens() {
    return ends;
  }

  /** {@return whether the model expects {@link #bos}, which is then present, before a prompt} */
  public boolean addsBos() {
    return addsBos;
  }

  /** {@return the template that makes a prompt of a chat, in Jinja} */
  public Optional<String> chatTemplate() {
    return chatTemplate;
  }

  /**
   * {@return the text of tokens, special ones left out, with U+FFFD for what is not UTF-8}
   *
   * @throws IllegalArgumentException if a token is negative
   */
  public String decode(int[] tokens) {
    TokenStream stream = newStream();
    StringBuilder text = new StringBuilder();
    for (int token : tokens) {
      stream.accept(token, text);
    }
    stream.flush(text);
    return text.toString();
  }

  /** {@return a decoder for tokens that come one by one} */
  public TokenStream newStream() {
    return new TokenStream(this);
  }
}
