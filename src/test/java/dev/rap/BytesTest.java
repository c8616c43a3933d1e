package dev.rap;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BytesTest {
  @ParameterizedTest
  @CsvSource({
    "0, 0 B",
    "999, 999 B",
    "1000, 1.00 kB",
    "9994, 9.99 kB", // one below the change to one decimal
    "9995, 10.0 kB",
    "99949, 99.9 kB",
    "99950, 100 kB",
    "999499, 999 kB",
    "999500, 1.00 MB", // would be 1000 kB
    "98362432, 98.4 MB",
    "22067000000, 22.1 GB",
    "9223372036854775807, 9.22 EB"
  })
  void threeDigitsAndDecimalUnits(long bytes, String text) {
    assertEquals(text, Bytes.text(bytes));
  }

  @Test
  void refusesNegativeNumbers() {
    assertThrows(IllegalArgumentException.class, () -> Bytes.text(-1));
  }
}
