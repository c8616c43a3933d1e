package dev.rap.tokenizer;

import dev.rap.InputException;
import dev.rap.checkpoint.GgufCheckpoint;
import dev.rap.regex.Regex;
import dev.rap.tokenizer.BytePairEncoder.Reading;
import dev.rap.tokenizer.Metaspace.Prepend;
import java.text.Normalizer.Form;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.OptionalInt;

/**
 * What {@code tokenizer.ggml.model} and the keys beside it say of how text becomes tokens.
 *
 * @param addsBos whether BOS comes before a text unless the file says otherwise
 * @param addsEos whether EOS comes behind a text unless the file says otherwise
 */
record GgufModel(
    Normalizer normalizer,
    PreTokenizer preTokenizer,
    Encoder encoder,
    Decoder decoder,
    boolean addsBos,
    boolean addsEos) {
  private static final char SPACE = '▁';

  /**
   * {@return the model of a file}
   *
   * @throws InputException if it is damaged or not supported
   */
  static GgufModel read(GgufTokens tokens) {
    return switch (tokens.model()) {
      case "llama" -> sentencePiece(tokens);
      case "t5" -> unigram(tokens);
      default -> byteLevel(tokens);
    };
  }

  private static GgufModel byteLevel(GgufTokens tokens) {
    String name = tokens.file().string(GgufTokens.KEY + "pre").orElse("default");
    GgufPreTokenizer cuts =
        GgufPreTokenizer.named(name)
            .orElseThrow(() -> tokens.unsupported("pre", name, GgufPreTokenizer.names()));
    String source = tokens.vocabulary().source();
    Iterator<String> lines = tokens.strings("merges").iterator();
    Merges merges =
        Merges.listed(
            tokens.vocabulary(),
            tokens.file().length(GgufTokens.KEY + "merges").orElseThrow(),
            rank -> Merges.Pair.of(lines.next(), source, rank));
    return new GgufModel(
        cuts.nfc() ? Normalizers.form(Form.NFC) : text -> text,
        cuts.preTokenizer(),
        new BytePairEncoder(
            tokens.vocabulary(),
            tokens::isNoControl,
            merges.table(),
            new Reading(true, false, cuts.ignoreMerges(), false),
            OptionalInt.empty()),
        Decoder.BYTE_LEVEL,
        cuts.addsBos(),
        false);
  }

  // As llama.cpp has it: a space goes before each section of text, not only before the first.
  private static GgufModel sentencePiece(GgufTokens tokens) {
    boolean prefix = tokens.file().flag(GgufTokens.KEY + "add_space_prefix").orElse(true);
    Merges merges = Merges.scored(tokens.vocabulary(), tokens.scores(), tokens::isText);
    BytePairEncoder encoder =
        new BytePairEncoder(
            tokens.vocabulary(),
            tokens::isNoControl,
            merges.table(),
            new Reading(false, true, false, true),
            tokens.id("unknown_token_id"));
    Normalizer spaces = Normalizers.replace(" ", String.valueOf(SPACE));
    List<DecoderStep> steps = new ArrayList<>();
    steps.add(new DecoderStep.Each(text -> text.replace(SPACE, ' ')));
    steps.add(new DecoderStep.Bytes());
    if (prefix) {
      steps.add(new DecoderStep.StripAll(' ', 1));
    }
    return new GgufModel(
        prefix
            ? Normalizer.chain(List.of(Normalizers.prepend(String.valueOf(SPACE)), spaces))
            : spaces,
        new SafeCuts(tokens.vocabulary(), merges.made(), encoder::knows),
        encoder,
        new Decoder(steps),
        true,
        false);
  }

  private static GgufModel unigram(GgufTokens tokens) {
    GgufCheckpoint file = tokens.file();
    if (file.flag(GgufTokens.KEY + "treat_whitespace_as_suffix").orElse(false)) {
      throw tokens.unsupported("treat_whitespace_as_suffix", "true", "false");
    }
    List<Normalizer> changes = new ArrayList<>();
    tokens.charsMap().ifPresent(changes::add);
    if (file.flag(GgufTokens.KEY + "remove_extra_whitespaces").orElse(false)) {
      changes.add(Normalizers.strip(false, true));
      changes.add(Normalizers.replace(Regex.of(" {2,}"), String.valueOf(SPACE)));
    }
    boolean prefix = file.flag(GgufTokens.KEY + "add_space_prefix").orElse(true);
    Prepend prepend = prefix ? Prepend.ALWAYS : Prepend.NEVER;
    return new GgufModel(
        Normalizer.chain(changes),
        new Metaspace(SPACE, prepend, true),
        new UnigramEncoder(
            tokens.vocabulary(),
            tokens::isText,
            tokens.doubleScores(),
            tokens.requireId("unknown_token_id"),
            true),
        new Decoder(List.of(new DecoderStep.Bytes(), new DecoderStep.Spaces(SPACE, prepend))),
        false,
        true);
  }
}
