package dev.rap.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CharacterKindTest {
  // Unicode Character Database, PropList.txt, White_Space.
  @Test
  void spacesAreThe25OfTheUnicodeDatabase() {
    List<Integer> expected =
        List.of(
            0x9, 0xA, 0xB, 0xC, 0xD, 0x20, 0x85, 0xA0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003,
            0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F,
            0x3000);
    assertEquals(
        expected,
        IntStream.rangeClosed(0, Character.MAX_CODE_POINT)
            .filter(c -> CharacterKind.of(c) == CharacterKind.SPACE)
            .boxed()
            .toList());
  }

  @Test
  void lettersNumbersAndOthersFollowTheGeneralCategory() {
    assertEquals(CharacterKind.LETTER, CharacterKind.of('ª')); // Lo
    assertEquals(CharacterKind.LETTER, CharacterKind.of('ǅ')); // Lt
    assertEquals(CharacterKind.NUMBER, CharacterKind.of('²')); // No
    assertEquals(CharacterKind.NUMBER, CharacterKind.of('Ⅷ')); // Nl
    assertEquals(CharacterKind.OTHER, CharacterKind.of(0x301)); // Mn
    assertEquals(CharacterKind.LETTER, CharacterKind.of('四')); // Lo, though it means four
  }

  @Test
  void wordCharactersIncludeMarksAndTheUnderscore() {
    assertTrue(IntStream.of('a', 'é', '_', '7', 0x301, 0x200D).allMatch(CharacterKind::isWord));
    assertFalse(IntStream.of(' ', '-', '²', 0x1F600).anyMatch(CharacterKind::isWord));
  }
}
