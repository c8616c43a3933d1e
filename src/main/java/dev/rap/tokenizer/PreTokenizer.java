package dev.rap.tokenizer;

import java.util.List;
import java.util.Optional;

/**
 * Cuts text into the pieces that are merged each for itself.
 *
 * @param before cuts in order, each applied to the pieces of the one before
 * @param prefixSpace whether a piece that does not begin with a space is given one, before the last
 *     cut
 * @param last the last cut, if there is one
 */
record PreTokenizer(List<Split> before, boolean prefixSpace, Optional<Split> last) {
  /** The most cuts in a row; real tokenizers have at most two. */
  static final int MOST_CUTS = 16;

  PreTokenizer {
    before = List.copyOf(before);
    if (before.size() > MOST_CUTS) {
      throw new IllegalArgumentException("before must have at most 16 cuts, has " + before.size());
    }
  }

  /** Takes the pieces in order. */
  interface Pieces {
    void piece(String text, int start, int end);
  }

  /** Hands the pieces of a well-formed text on. */
  void split(String text, Pieces pieces) {
    split(text, 0, text.length(), 0, pieces);
  }

  private void split(String text, int start, int end, int cut, Pieces pieces) {
    if (start == end) {
      return;
    }
    if (cut == before.size()) {
      splitLast(text, start, end, pieces);
      return;
    }
    for (int at = start; at < end; ) {
      int pieceEnd = before.get(cut).end(text, at, end);
      split(text, at, pieceEnd, cut + 1, pieces);
      at = pieceEnd;
    }
  }

  private void splitLast(String text, int start, int end, Pieces pieces) {
    if (prefixSpace && text.charAt(start) != ' ') {
      String prefixed = " " + text.substring(start, end);
      cutLast(prefixed, 0, prefixed.length(), pieces);
    } else {
      cutLast(text, start, end, pieces);
    }
  }

  private void cutLast(String text, int start, int end, Pieces pieces) {
    if (last.isEmpty()) {
      pieces.piece(text, start, end);
      return;
    }
    for (int at = start; at < end; ) {
      int pieceEnd = last.get().end(text, at, end);
      pieces.piece(text, at, pieceEnd);
      at = pieceEnd;
    }
  }

  /**
   * {@return the pre-tokenizer that GGUF's {@code tokenizer.ggml.pre} names, if it is supported}
   */
  static Optional<PreTokenizer> named(String name) {
    return switch (name) {
      case "gpt2", "gpt-2", "default" -> Optional.of(of(Split.GPT2));
      case "smollm" -> Optional.of(of(Split.DIGITS, Split.GPT2));
      case "llama-bpe" -> Optional.of(of(Split.LLAMA3));
      case "qwen2" -> Optional.of(of(Split.QWEN2));
      default -> Optional.empty();
    };
  }

  /** The names that {@link #named} knows, for messages. */
  static final String NAMES = "gpt-2, default, smollm, llama-bpe, qwen2";

  private static PreTokenizer of(Split... cuts) {
    List<Split> all = List.of(cuts);
    return new PreTokenizer(
        all.subList(0, all.size() - 1), false, Optional.of(all.get(all.size() - 1)));
  }
}
