package dev.rap.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.SplittableRandom;

/** The random strings and ids of scripts/golden-tokens.py, whose header says how they are made. */
final class RandomText {
  private final JsonNode kinds = TestFiles.json("random-text.json");
  private final SplittableRandom random;

  RandomText(long seed) {
    random = new SplittableRandom(seed);
  }

  /** {@return a number below {@code n}; SplittableRandom's nextInt(n) is another one} */
  int below(int n) {
    return (int) ((random.nextLong() >>> 33) % n);
  }

  String next() {
    StringBuilder text = new StringBuilder();
    int parts = below(9);
    for (int i = 0; i < parts; i++) {
      addPart(kinds.get(below(kinds.size())), text);
    }
    return text.toString();
  }

  private void addPart(JsonNode kind, StringBuilder text) {
    int least = kind.get("least").intValue();
    int count = least + below(kind.get("most").intValue() - least + 1);
    if (kind.get("repeat").booleanValue()) {
      text.repeat(element(kind), count);
      return;
    }
    for (int i = 0; i < count; i++) {
      text.append(element(kind));
    }
  }

  private String element(JsonNode kind) {
    JsonNode texts = kind.get("texts");
    if (texts != null) {
      return texts.get(below(texts.size())).textValue();
    }
    JsonNode range = kind.get("ranges").get(below(kind.get("ranges").size()));
    int first = Integer.parseInt(range.get(0).textValue(), 16);
    int last = Integer.parseInt(range.get(1).textValue(), 16);
    return Character.toString(first + below(last - first + 1));
  }
}
