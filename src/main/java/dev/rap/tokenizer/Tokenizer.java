package dev.rap.tokenizer;

import dev.rap.InputException;
import dev.rap.checkpoint.Checkpoint;
import dev.rap.checkpoint.GgufCheckpoint;
import dev.rap.checkpoint.HuggingFaceCheckpoint;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

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
  private final Encoder encoder;
  private final PieceCache cache = new PieceCache();
  private final Decoder decoder;
  private final OptionalInt bos;
  private final List<Integer> prefix;
  private final List<Integer> suffix;
  private final Set<Integer> ends;
  private final List<String> specialTexts;
  private final Map<String, String> namedTokens;
  private final Optional<String> chatTemplate;

  Tokenizer(TokenizerDefinition definition) {
    vocabulary = definition.vocabulary();
    addedTokens = new AddedTokens(definition.added(), definition.normalizer());
    definition.added().forEach(token -> addedIds.set(token.id()));
    definition.special().forEach(specialIds::set);
    preTokenizer = definition.preTokenizer();
    encoder = definition.encoder();
    decoder = definition.decoder();
    bos = definition.bos();
    prefix = definition.prefix();
    suffix = definition.suffix();
    ends = definition.ends();
    specialTexts =
        definition.added().stream().filter(AddedToken::special).map(AddedToken::content).toList();
    namedTokens = definition.named();
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
    return encode(text, false, "");
  }

  /**
   * {@return the tokens of text in which special tokens may be written} No BOS is added but those
   * that are written. A lone surrogate is read as U+FFFD.
   */
  public int[] encodeWithSpecial(String text) {
    return encode(text, true, "");
  }

  /**
   * {@return {@link #encodeWithSpecial} of a text in which {@code guard} keeps apart what shall be
   * no special token, and is itself left out}
   */
  int[] encodeGuarded(String text, char guard) {
    return encode(text, true, String.valueOf(guard));
  }

  private int[] encode(String text, boolean special, String guard) {
    IntList tokens = new IntList();
    Pieces pieces = preTokenizer.into(cache.before(encoder.into(tokens), tokens));
    addedTokens.split(
        WellFormed.of(text),
        special,
        new AddedTokens.Sections() {
          @Override
          public void text(String section, boolean first) {
            String plain = guard.isEmpty() ? section : section.replace(guard, "");
            pieces.piece(plain, 0, plain.length(), first);
          }

          @Override
          public void token(int id) {
            tokens.add(id);
          }
        });
    return tokens.from(0);
  }

  /**
   * {@return the bytes that a token stands for within a text} An id without a token has none: a
   * model's output is often padded beyond the vocabulary.
   *
   * @throws IllegalArgumentException if {@code token} is negative
   */
  public byte[] bytes(int token) {
    requireNotNegative(token);
    return decoder.bytes(vocabulary.text(token).orElse(""), addedIds.get(token));
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
   * in the vocabulary, where a space is {@code Ġ} or {@code ▁}.
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
    return bos.isPresent() && prefix.contains(bos.getAsInt());
  }

  /**
   * {@return the prompt that a plain text is: its tokens, and those that the file wants before and
   * behind every text, if any}
   */
  public int[] around(int[] text) {
    IntStream before = prefix.stream().mapToInt(Integer::intValue);
    IntStream behind = suffix.stream().mapToInt(Integer::intValue);
    return IntStream.concat(IntStream.concat(before, IntStream.of(text)), behind).toArray();
  }

  /** {@return what special tokens are looked for by} */
  List<String> specialTexts() {
    return specialTexts;
  }

  /** {@return the texts of tokens that have a name, such as {@code eos_token}} */
  Map<String, String> namedTokens() {
    return namedTokens;
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
    StringBuilder text = new StringBuilder();
    Texts texts = decoder.into(text, false);
    for (int token : tokens) {
      decode(texts, token);
    }
    texts.end();
    return text.toString();
  }

  private void decode(Texts texts, int token) {
    if (!isSpecial(token)) {
      vocabulary.text(token).ifPresent(text -> texts.text(text, addedIds.get(token)));
    }
  }

  /** {@return a decoder for tokens that come one by one} */
  public TokenStream newStream() {
    return new TokenStream(text -> decoder.into(text, true), this::decode);
  }
}
