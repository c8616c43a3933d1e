package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.api.Test;

class LiveTextTest {
  private static String shown(boolean terminal, String... pieces) {
    Captured captured = new Captured(Map.of(), terminal);
    LiveText text = new LiveText(captured.console());
    for (String piece : pieces) {
      text.accept(piece);
    }
    text.end();
    return captured.out();
  }

  @Test
  void anOpenLineIsEndedAndAClosedOneIsNot() {
    assertEquals("ab" + System.lineSeparator(), shown(false, "a", "", "b"));
    assertEquals("ab\n", shown(false, "ab", "\n", ""));
    assertEquals("", shown(false, ""));
  }

  @Test
  void aTerminalIsNotGivenControlCharacters() {
    String text = "a\u001b[2Jb\u009bc\r\td\n";
    assertEquals(text, shown(false, text));
    assertEquals("a\uFFFD[2Jb\uFFFDc\uFFFD\td\n", shown(true, text));
  }
}
