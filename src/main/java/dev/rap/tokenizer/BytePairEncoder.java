package dev.rap.tokenizer;

import java.util.Map;
import java.util.OptionalInt;

/**
 * Turns a piece of text into tokens: its UTF-8 bytes, each a token, merged.
 *
 * <p>A byte that is not in the vocabulary becomes the unknown token, or is left out where there is
 * none. Both is what Hugging Face does; few vocabularies lack a byte that occurs.
 */
final class BytePairEncoder {
  private static final int MISSING = -1;

  private final int[] byteTokens = new int[256];
  private final MergeTable merges;
  private final Map<String, Integer> whole; // pieces that are one token whatever the merges say
  private final boolean fuseUnknown;
  private final OptionalInt unknown;
  private final PieceCache cache = new PieceCache();

  /**
   * @param vocabulary id by text in the {@link ByteAlphabet}
   * @param ignoreMerges whether a piece that is in the vocabulary is that token, even if no merges
   *     lead to it
   * @param unknown stands for bytes that are not in the vocabulary
   * @param fuseUnknown whether several unknown bytes in a row are one unknown token
   */
  BytePairEncoder(
      Map<String, Integer> vocabulary,
      MergeTable merges,
      boolean ignoreMerges,
      OptionalInt unknown,
      boolean fuseUnknown) {
    for (int b = 0; b < 256; b++) {
      byteTokens[b] = vocabulary.getOrDefault(String.valueOf(ByteAlphabet.character(b)), MISSING);
    }
    this.merges = merges;
    this.whole = ignoreMerges ? Map.copyOf(vocabulary) : Map.of();
    this.unknown = unknown;
    this.fuseUnknown = fuseUnknown;
  }

  /** {@return a run over one text, that appends to {@code out}} */
  Run run(IntList out) {
    return new Run(out);
  }

  /** Encodes the pieces of one text, on one thread. */
  final class Run implements PreTokenizer.Pieces {
    private final IntList out;
    private final PieceMerger merger = new PieceMerger(merges);
    private byte[] bytes = new byte[64];
    private int count;

    private Run(IntList out) {
      this.out = out;
    }

    /** Appends the tokens of the piece from {@code start} to {@code end} of a well-formed text. */
    @Override
    public void piece(String text, int start, int end) {
      var known = cache.find(text, start, end);
      if (known.isPresent()) {
        out.addAll(known.get());
        return;
      }
      int before = out.count();
      encode(text, start, end);
      if (PieceCache.takes(start, end)) {
        cache.put(text, start, end, out.from(before));
      }
    }

    private void encode(String text, int start, int end) {
      toUtf8(text, start, end);
      Integer token = whole.isEmpty() ? null : whole.get(ByteAlphabet.text(bytes, count));
      if (token != null) {
        out.add(token);
        return;
      }
      merger.begin(count);
      boolean afterUnknown = false;
      for (int i = 0; i < count; i++) {
        int byteToken = byteTokens[bytes[i] & 0xFF];
        if (byteToken != MISSING) {
          merger.add(byteToken);
        } else if (unknown.isPresent() && !(afterUnknown && fuseUnknown)) {
          merger.add(unknown.getAsInt());
        }
        afterUnknown = byteToken == MISSING;
      }
      merger.finish(out);
    }

    private void toUtf8(String text, int start, int end) {
      long most = 3L * (end - start); // a char is at most three bytes, a pair of chars four
      if (bytes.length < most) {
        bytes = new byte[Math.toIntExact(most)];
      }
      count = 0;
      for (int i = start; i < end; ) {
        int c = text.codePointAt(i);
        i += Character.charCount(c);
        if (c < 0x80) {
          bytes[count++] = (byte) c;
        } else if (c < 0x800) {
          put(0xC0 | (c >> 6), c);
        } else if (c < 0x10000) {
          put(0xE0 | (c >> 12), c >> 6, c);
        } else {
          put(0xF0 | (c >> 18), c >> 12, c >> 6, c);
        }
      }
    }

    private void put(int lead, int... continuations) {
      bytes[count++] = (byte) lead;
      for (int continuation : continuations) {
        bytes[count++] = (byte) (0x80 | (continuation & 0x3F));
      }
    }
  }
}
