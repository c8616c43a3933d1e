package dev.rap.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Pieces merged with a queue, and as the definition of BPE has it: by looking for the next pair.
 */
class PieceMergerTest {
  private static final int TOKENS = 40;

  @ParameterizedTest
  @CsvSource({
    // letters, merges, ranks, pieces, longest
    "        2,     30,  1000,    500,      60", // ranks in any order: many merges come late
    "        3,    200,  1000,    500,      60",
    "        2,    200,     4,    500,      60", // several merges of one rank that overlap
    "        1,     40,    40,    100,     200", // one letter: runs
    "        5,    300,   300,      4,    2000" // several digits of a position
  })
  void theQueueFindsThePairsThatASearchFinds(
      int letters, int merges, int ranks, int pieces, int longest) {
    SplittableRandom random = new SplittableRandom(20260314);
    MergeTable table = new MergeTable(merges);
    for (int i = 0; i < merges; i++) {
      int known = Math.min(letters + i, TOKENS); // letters, and what merges have made
      table.add(
          random.nextInt(known),
          random.nextInt(known),
          random.nextInt(ranks),
          i < TOKENS - letters ? letters + i : random.nextInt(letters, TOKENS));
    }
    PieceMerger merger = new PieceMerger(table);
    int merged = 0;
    for (int i = 0; i < pieces; i++) {
      int[] piece = random.ints(random.nextInt(longest), 0, letters).toArray();
      merger.begin(piece.length);
      Arrays.stream(piece).forEach(merger::add);
      IntList found = new IntList();
      merger.finish(found);
      int[] expected = searched(table, piece);
      assertArrayEquals(expected, found.from(0));
      merged += piece.length - expected.length;
    }
    assertTrue(merged > pieces, "the table merges nearly nothing");
  }

  private static int[] searched(MergeTable table, int[] piece) {
    int[] tokens = piece.clone();
    int count = tokens.length;
    while (true) {
      int best = -1;
      int lowest = Integer.MAX_VALUE;
      for (int at = 0; at + 1 < count; at++) {
        int rank = table.rank(table.find(tokens[at], tokens[at + 1]));
        if (rank != MergeTable.NONE && rank < lowest) {
          best = at;
          lowest = rank;
        }
      }
      if (best < 0) {
        return Arrays.copyOf(tokens, count);
      }
      tokens[best] = table.result(table.find(tokens[best], tokens[best + 1]));
      System.arraycopy(tokens, best + 2, tokens, best + 1, count - best - 2);
      count--;
    }
  }
}
