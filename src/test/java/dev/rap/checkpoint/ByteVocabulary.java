package dev.rap.checkpoint;

import java.util.ArrayList;
import java.util.List;

/**
 * Tokens of a byte-level BPE without merges, in GPT-2's spelling: printable bytes of Latin-1 stand
 * for themselves, the others, in order, for U+0100 onwards.
 */
final class ByteVocabulary {
  static final String END = "<|endoftext|>";

  private ByteVocabulary() {}

  /** {@return one token a byte, in the order of the bytes, the end token, and fillers} */
  static List<String> tokens(int vocabularySize) {
    List<String> tokens = new ArrayList<>();
    int others = 0;
    for (int value = 0; value < 256; value++) {
      boolean printable = (value >= 0x21 && value <= 0x7e) || (value >= 0xa1 && value != 0xad);
      tokens.add(Character.toString(printable ? value : 0x100 + others++));
    }
    tokens.add(END);
    while (tokens.size() < vocabularySize) {
      tokens.add("<|unused_" + tokens.size() + "|>");
    }
    return tokens;
  }
}
