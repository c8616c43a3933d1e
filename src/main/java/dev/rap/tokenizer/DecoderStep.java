package dev.rap.tokenizer;

import dev.rap.tokenizer.Metaspace.Prepend;

/** A step on the way from the texts of tokens to one text. Immutable. */
sealed interface DecoderStep {
  /** {@return what does the step for {@code next}, on one thread} */
  Texts into(Texts next, boolean eager);

  /** Characters of the {@link ByteAlphabet} are bytes, and these are UTF-8. */
  record Alphabet() implements DecoderStep {
    @Override
    public Texts into(Texts next, boolean eager) {
      return new ByteTexts.OfAlphabet(next);
    }
  }

  /** A {@link ByteToken} is a byte, and several in a row are UTF-8. */
  record Bytes() implements DecoderStep {
    @Override
    public Texts into(Texts next, boolean eager) {
      return eager ? new ByteTexts.Eager(next) : new ByteTexts.Patient(next);
    }
  }

  /** Each text is changed. */
  record Each(Normalizer change) implements DecoderStep {
    @Override
    public Texts into(Texts next, boolean eager) {
      return new EndingTexts(next) {
        @Override
        public void text(String text, boolean added) {
          next.text(change.apply(text), added);
        }
      };
    }
  }

  /** What a {@link Metaspace} wrote for spaces are spaces; in the first text it is nothing. */
  record Spaces(char replacement, Prepend prepend) implements DecoderStep {
    @Override
    public Texts into(Texts next, boolean eager) {
      return new EndingTexts(next) {
        private boolean begun;

        @Override
        public void text(String text, boolean added) {
          boolean dropped = !begun && prepend != Prepend.NEVER;
          begun = true;
          String replacing = dropped ? "" : " ";
          next.text(text.replace(String.valueOf(replacement), replacing), added);
        }
      };
    }
  }

  /** Each text loses some characters at its ends. */
  record StripEach(char content, int start, int stop) implements DecoderStep {
    @Override
    public Texts into(Texts next, boolean eager) {
      return new EndingTexts(next) {
        @Override
        public void text(String text, boolean added) {
          int from = 0;
          while (from < Math.min(start, text.length()) && text.charAt(from) == content) {
            from++;
          }
          int to = text.length();
          while (to > from && text.length() - to < stop && text.charAt(to - 1) == content) {
            to--;
          }
          next.text(text.substring(from, to), added);
        }
      };
    }
  }

  /** The whole text loses some characters at its beginning. */
  record StripAll(char content, int start) implements DecoderStep {
    @Override
    public Texts into(Texts next, boolean eager) {
      return new EndingTexts(next) {
        private int left = start;

        @Override
        public void text(String text, boolean added) {
          int from = 0;
          while (left > 0 && from < text.length()) {
            if (text.charAt(from) != content) {
              left = 0;
            } else {
              from++;
              left--;
            }
          }
          next.text(text.substring(from), added);
        }
      };
    }
  }

  /** There is a space between two texts, as where a file names no decoder. */
  record Join() implements DecoderStep {
    @Override
    public Texts into(Texts next, boolean eager) {
      return new EndingTexts(next) {
        private boolean begun;

        @Override
        public void text(String text, boolean added) {
          next.text(begun ? " " + text : text, added);
          begun = true;
        }
      };
    }
  }
}
