package dev.rap.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Utf8DecoderTest {
  private static String decode(String hex) {
    StringBuilder text = new StringBuilder();
    Utf8Decoder decoder = new Utf8Decoder();
    for (byte b : HexFormat.of().parseHex(hex.replace(" ", ""))) {
      decoder.accept(new byte[] {b}, text);
    }
    decoder.flush(text);
    return text.toString().replace('\uFFFD', '?');
  }

  // The Unicode Standard 15.0, tables 3-8 to 3-11: substitution of maximal subparts.
  @ParameterizedTest
  @CsvSource({
    "C0 AF E0 80 BF F0 81 82 41, ????????A", // overlong
    "ED A0 80 ED BF BF ED AF 41, ????????A", // surrogates
    "F4 91 92 93 FF 41 80 BF 42, ?????A??B", // other
    "E1 80 E2 F0 91 92 F1 BF 41, ????A", // cut short
  })
  void replacesWhatIsNotUtf8AsTheUnicodeStandardRecommends(String hex, String expected) {
    assertEquals(expected, decode(hex));
  }

  @Test
  void decodesTheEndsOfEachLength() {
    assertEquals("\0\u007F", decode("00 7F"));
    assertEquals("\u0080\u07FF", decode("C2 80 DF BF"));
    assertEquals("\u0800\uD7FF\uE000\uFFFF", decode("E0 A0 80 ED 9F BF EE 80 80 EF BF BF"));
    assertEquals("\uD800\uDC00\uDBFF\uDFFF", decode("F0 90 80 80 F4 8F BF BF"));
  }

  @Test
  void replacesACharacterThatHasNotEnded() {
    assertEquals("a?", decode("61 F0 9F 98"));
    assertEquals("?a", decode("F0 9F 98 61"));
  }
}
