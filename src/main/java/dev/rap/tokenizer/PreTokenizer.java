package dev.rap.tokenizer;

import java.util.List;

/** Cuts text into the pieces that are encoded each for itself. Immutable. */
interface PreTokenizer {
  /** {@return what cuts pieces for {@code next}, on one thread; empty ones are left out} */
  Pieces into(Pieces next);

  /** {@return one that applies several, each to the pieces of the one before} */
  static PreTokenizer chain(List<PreTokenizer> parts) {
    List<PreTokenizer> backwards = List.copyOf(parts).reversed();
    return next -> {
      Pieces first = next;
      for (PreTokenizer part : backwards) {
        first = part.into(first);
      }
      return first;
    };
  }
}
