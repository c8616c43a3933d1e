package dev.rap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class TableTest {
  @Test
  void numbersStandToTheRightAndWordsToTheLeft() {
    StringWriter text = new StringWriter();
    new Table("policy", "perplexity")
        .row("GSI", 18.4)
        .row("random", 1234)
        .print(new PrintWriter(text, true));
    assertEquals(
        """
        policy  perplexity
        GSI           18.4
        random        1234
        """,
        text.toString().replace(System.lineSeparator(), "\n"));
  }

  @Test
  void aRowHasACellForEachHeader() {
    assertThrows(IllegalArgumentException.class, () -> new Table("a", "b").row(1));
  }
}
