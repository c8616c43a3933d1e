package dev.rap.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rap.tokenizer.BytePairEncoder.Reading;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class BytePairEncoderTest {
  private static final Vocabulary VOCABULARY = new Vocabulary("test");

  static {
    for (String text : List.of("a", "b", "c", "ab", "bc", "abc", "aa", "aaaa", "unk")) {
      VOCABULARY.add(text, VOCABULARY.size());
    }
  }

  private static int[] encode(BytePairEncoder encoder, String piece) {
    IntList tokens = new IntList();
    encoder.into(tokens).piece(piece, 0, piece.length(), true);
    return tokens.from(0);
  }

  private static int id(String text) {
    return VOCABULARY.require(text, "a test");
  }

  private static MergeTable merges(String... merges) {
    MergeTable table = new MergeTable(merges.length);
    for (int rank = 0; rank < merges.length; rank++) {
      String[] pair = merges[rank].split(" ", 2);
      table.add(id(pair[0]), id(pair[1]), rank, id(pair[0] + pair[1]));
    }
    return table;
  }

  private static BytePairEncoder encoder(String... merges) {
    return new BytePairEncoder(
        VOCABULARY, id -> true, merges(merges), Reading.BYTES, OptionalInt.empty());
  }

  @Test
  void theFirstMergeOfTheListGoesFirst() {
    assertArrayEquals(new int[] {0, 4}, encode(encoder("b c", "a b"), "abc"));
    assertArrayEquals(new int[] {3, 2}, encode(encoder("a b", "b c"), "abc"));
    assertArrayEquals(new int[] {5}, encode(encoder("b c", "a b", "a bc"), "abc"));
  }

  @Test
  void equalMergesGoFromTheLeft() {
    assertArrayEquals(new int[] {6, 0}, encode(encoder("a a"), "aaa"));
    assertArrayEquals(new int[] {7, 6, 0}, encode(encoder("a a", "aa aa"), "aaaaaaa"));
  }

  @Test
  void aRepeatedMergeCountsWhereItStandsLast() {
    assertArrayEquals(new int[] {0, 4}, encode(encoder("a b", "b c", "a b"), "abc"));
  }

  @Test
  void ignoringMergesAPieceOfTheVocabularyIsOneToken() {
    BytePairEncoder whole =
        new BytePairEncoder(
            VOCABULARY,
            id -> true,
            merges("a b"),
            new Reading(true, false, true, false),
            OptionalInt.empty());
    assertArrayEquals(new int[] {5}, encode(whole, "abc"));
    assertArrayEquals(new int[] {3, 2, 0}, encode(whole, "abca"));
  }

  @Test
  void bytesThatAreNotInTheVocabularyAreLeftOutOrUnknown() {
    assertArrayEquals(new int[] {3}, encode(encoder("a b"), "aéb"));
    for (boolean fuse : new boolean[] {false, true}) {
      BytePairEncoder unknown =
          new BytePairEncoder(
              VOCABULARY,
              id -> true,
              merges("a b"),
              new Reading(true, false, false, fuse),
              OptionalInt.of(8));
      int[] expected = fuse ? new int[] {0, 8, 1} : new int[] {0, 8, 8, 1};
      assertArrayEquals(expected, encode(unknown, "aéb"));
    }
  }

  @Test
  void aPieceMetAgainHasTheSameTokens() {
    BytePairEncoder encoder = encoder("b c", "a b");
    for (int i = 0; i < 3; i++) {
      assertArrayEquals(new int[] {0, 4}, encode(encoder, "abc"));
      assertArrayEquals(new int[] {3, 0}, encode(encoder, "aba"));
    }
  }

  // 2^20 a's: 2^19 times "aa", then 2^18 times "aaaa".
  @Test
  void aPieceOfAMegabyteMergesWhole() {
    int[] tokens = encode(encoder("a a", "aa aa"), "a".repeat(1 << 20));
    assertEquals(1 << 18, tokens.length);
  }
}
