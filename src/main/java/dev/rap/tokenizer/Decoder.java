package dev.rap.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Makes a text of the texts of tokens. Immutable.
 *
 * @param steps applied in order
 */
record Decoder(List<DecoderStep> steps) {
  static final Decoder BYTE_LEVEL = new Decoder(List.of(new DecoderStep.Alphabet()));

  Decoder {
    steps = List.copyOf(steps);
  }

  /**
   * {@return what appends a text to {@code out}, on one thread}
   *
   * @param eager whether a character goes out as soon as its bytes are there; else all bytes in a
   *     row wait for the last, for if one of them is wrong, Hugging Face replaces all
   */
  Texts into(StringBuilder out, boolean eager) {
    Texts next =
        new Texts() {
          @Override
          public void text(String text, boolean added) {
            out.append(text);
          }

          @Override
          public void end() {}
        };
    for (DecoderStep step : steps.reversed()) {
      next = step.into(next, eager);
    }
    return next;
  }

  /** {@return the bytes that a token stands for in the middle of a text} */
  byte[] bytes(String text, boolean added) {
    String written = text;
    for (DecoderStep step : steps) {
      switch (step) {
        case DecoderStep.Alphabet alphabet -> {
          return added ? written.getBytes(StandardCharsets.UTF_8) : ByteAlphabet.bytes(written);
        }
        case DecoderStep.Bytes bytes -> {
          if (ByteToken.is(written)) {
            return new byte[] {(byte) ByteToken.value(written)};
          }
        }
        case DecoderStep.Each each -> written = each.change().apply(written);
        case DecoderStep.Spaces spaces -> written = written.replace(spaces.replacement(), ' ');
        case DecoderStep.StripEach strip -> {}
        case DecoderStep.StripAll strip -> {}
        case DecoderStep.Join join -> {}
      }
    }
    return WellFormed.of(written).getBytes(StandardCharsets.UTF_8);
  }
}
