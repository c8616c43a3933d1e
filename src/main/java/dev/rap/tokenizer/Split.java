package dev.rap.tokenizer;

import static dev.rap.tokenizer.CharacterKind.LETTER;
import static dev.rap.tokenizer.CharacterKind.NUMBER;
import static dev.rap.tokenizer.CharacterKind.OTHER;
import static dev.rap.tokenizer.CharacterKind.SPACE;

/**
 * One way to cut a region of text into pieces that follow each other without a gap.
 *
 * <p>The regular expressions are written out as scanners: {@code java.util.regex} recurses on long
 * runs, so that a line of megabytes overflows its stack, and its character classes differ. A
 * scanner looks at each character a fixed number of times.
 *
 * <p>Text must be well-formed UTF-16, and a region must not cut a surrogate pair.
 */
enum Split {
  /** GPT-2's expression, which is also ByteLevel's own. */
  GPT2 {
    @Override
    int end(String text, int start, int limit) {
      int contraction = contractionEnd(text, start, limit, false);
      if (contraction > start) {
        return contraction;
      }
      int body = afterSpace(text, start, limit);
      CharacterKind kind = kind(text, body);
      return kind == SPACE ? spacesEnd(text, start, limit) : runEnd(text, body, limit, kind);
    }
  },

  /** Llama 3's expression: numbers in groups of up to three. */
  LLAMA3 {
    @Override
    int end(String text, int start, int limit) {
      return laterEnd(text, start, limit, 3);
    }
  },

  /** Qwen2's expression: Llama 3's with each number alone. */
  QWEN2 {
    @Override
    int end(String text, int start, int limit) {
      return laterEnd(text, start, limit, 1);
    }
  },

  /** Each digit alone; what lies between digits whole. */
  DIGITS {
    @Override
    int end(String text, int start, int limit) {
      return isDigit(text, start) ? next(text, start) : digitsEnd(text, start, limit, false);
    }
  },

  /** Runs of digits, and what lies between them. */
  DIGIT_RUNS {
    @Override
    int end(String text, int start, int limit) {
      return digitsEnd(text, start, limit, isDigit(text, start));
    }
  };

  /**
   * {@return the end of the piece that begins at {@code start}}
   *
   * @param limit end of the region, greater than {@code start}; what lies behind is not looked at
   */
  abstract int end(String text, int start, int limit);

  // (?i:'s|'t|'re|'ve|'m|'ll|'d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N}{1,numbers}
  // | ?[^\s\p{L}\p{N}]+[\r\n]* | \s*[\r\n]+ | \s+(?!\S) | \s+
  private static int laterEnd(String text, int start, int limit, int numbers) {
    int contraction = contractionEnd(text, start, limit, true);
    if (contraction > start) {
      return contraction;
    }
    CharacterKind kind = kind(text, start);
    int second = next(text, start);
    if (kind == LETTER) {
      return runEnd(text, second, limit, LETTER);
    }
    if (kind == NUMBER) {
      return numbersEnd(text, start, limit, numbers);
    }
    if (!isLineBreak(text.charAt(start)) && second < limit && kind(text, second) == LETTER) {
      return runEnd(text, second, limit, LETTER);
    }
    int body = afterSpace(text, start, limit);
    if (kind(text, body) == OTHER) {
      return lineBreaksEnd(text, runEnd(text, body, limit, OTHER), limit);
    }
    return linesEnd(text, start, limit);
  }

  // 's|'t|'re|'ve|'m|'ll|'d, or start if there is none here.
  private static int contractionEnd(String text, int start, int limit, boolean ignoreCase) {
    if (text.charAt(start) != '\'' || start + 1 >= limit) {
      return start;
    }
    char first = letter(text.charAt(start + 1), ignoreCase);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') {
      return start + 2;
    }
    if (start + 2 >= limit) {
      return start;
    }
    char second = letter(text.charAt(start + 2), ignoreCase);
    boolean pair = second == 'e' ? first == 'r' || first == 'v' : second == 'l' && first == 'l';
    return pair ? start + 3 : start;
  }

  private static char letter(char c, boolean ignoreCase) {
    if (!ignoreCase) {
      return c;
    }
    // Of all characters beyond ASCII only the long s is, but for case, one of these letters.
    return c == 'ſ' ? 's' : c >= 'A' && c <= 'Z' ? (char) (c + 32) : c;
  }

  private static int numbersEnd(String text, int start, int limit, int most) {
    int end = start;
    for (int i = 0; i < most && end < limit && kind(text, end) == NUMBER; i++) {
      end = next(text, end);
    }
    return end;
  }

  // \s*[\r\n]+ | \s+(?!\S) | \s+
  private static int linesEnd(String text, int start, int limit) {
    int end = runEnd(text, start, limit, SPACE);
    while (end > start && !isLineBreak(text.charAt(end - 1))) {
      end--;
    }
    return end > start ? end : spacesEnd(text, start, limit);
  }

  // \s+(?!\S) | \s+: a run leaves its last space to what follows, unless nothing follows.
  private static int spacesEnd(String text, int start, int limit) {
    int end = runEnd(text, start, limit, SPACE);
    return end == limit ? end : Math.max(start + 1, end - 1);
  }

  private static int lineBreaksEnd(String text, int start, int limit) {
    int end = start;
    while (end < limit && isLineBreak(text.charAt(end))) {
      end++;
    }
    return end;
  }

  private static int runEnd(String text, int start, int limit, CharacterKind kind) {
    int end = start;
    while (end < limit && kind(text, end) == kind) {
      end = next(text, end);
    }
    return end;
  }

  private static int digitsEnd(String text, int start, int limit, boolean digits) {
    int end = start;
    while (end < limit && isDigit(text, end) == digits) {
      end = next(text, end);
    }
    return end;
  }

  // Behind one space, if something follows it.
  private static int afterSpace(String text, int start, int limit) {
    return text.charAt(start) == ' ' && start + 1 < limit ? start + 1 : start;
  }

  private static int next(String text, int at) {
    return at + (Character.isHighSurrogate(text.charAt(at)) ? 2 : 1);
  }

  private static CharacterKind kind(String text, int at) {
    return CharacterKind.of(text.codePointAt(at));
  }

  private static boolean isDigit(String text, int at) {
    return CharacterKind.isDigit(text.codePointAt(at));
  }

  private static boolean isLineBreak(char c) {
    return c == '\r' || c == '\n';
  }
}
