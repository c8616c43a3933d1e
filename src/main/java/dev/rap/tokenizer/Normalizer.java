package dev.rap.tokenizer;

import java.util.List;

/** Changes text before it is cut. Immutable. */
interface Normalizer {
  /** {@return the normalised form of a well-formed text, well-formed too} */
  String apply(String text);

  /** {@return one that applies several in order} */
  static Normalizer chain(List<Normalizer> parts) {
    List<Normalizer> all = List.copyOf(parts);
    return text -> {
      String normalized = text;
      for (Normalizer part : all) {
        normalized = part.apply(normalized);
      }
      return normalized;
    };
  }
}
