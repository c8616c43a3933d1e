package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class ElementsTest {
  private static float through(Element type, double value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment elements = arena.allocate(4);
      Elements.put(type, elements, 1, value);
      return Elements.get(type, elements, 1);
    }
  }

  // F16 has 10 bits after the point, so steps of 2^-10 from 1 to 2; BF16 has 7.
  @Test
  void valuesGoToTheNearestElementAndTiesToTheEvenOne() {
    assertEquals(1, through(Element.F16, 1 + 0x1p-11));
    assertEquals(1 + 0x1p-9f, through(Element.F16, 1 + 3 * 0x1p-11));
    assertEquals(1 + 0x1p-10f, through(Element.F16, 1 + 0x1.01p-11));
    assertEquals(1, through(Element.BF16, 1 + 0x1p-8));
    assertEquals(1 + 0x1p-6f, through(Element.BF16, 1 + 3 * 0x1p-8));
    assertEquals(1 + 0x1p-7f, through(Element.BF16, 1 + 0x1.01p-8));
    assertEquals(-1 - 0x1p-7f, through(Element.BF16, -1 - 0x1.01p-8));
  }

  @Test
  void smallValuesKeepTheirSubnormals() {
    assertEquals(0x1p-24f, through(Element.F16, 0x1p-24));
    assertEquals(0, through(Element.F16, 0x1p-25));
    assertEquals(0x1p-133f, through(Element.BF16, 0x1p-133));
  }

  @Test
  void whatIsBeyondTheFiniteElementsBecomesTheLastOfThem() {
    assertEquals(65504, through(Element.F16, 65519.9));
    assertEquals(65504, through(Element.F16, 1e30));
    assertEquals(-65504, through(Element.F16, Double.NEGATIVE_INFINITY));
    assertEquals(255 * 0x1p120f, through(Element.BF16, Float.MAX_VALUE));
    assertEquals(-255 * 0x1p120f, through(Element.BF16, -1e300));
  }

  @Test
  void nanStaysNan() {
    assertTrue(Float.isNaN(through(Element.F16, Double.NaN)));
    assertTrue(Float.isNaN(through(Element.BF16, Double.NaN)));
  }

  @Test
  void bitsAreTheFormats() {
    assertEquals(0x3c00, Elements.bits(Element.F16, 1));
    assertEquals((short) 0xc100, Elements.bits(Element.F16, -2.5f));
    assertEquals(0x3f80, Elements.bits(Element.BF16, 1));
    assertEquals((short) 0xc020, Elements.bits(Element.BF16, -2.5f));
  }

  @Test
  void wholeSegmentsGoBothWays() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment elements = arena.allocate(6);
      Elements.put(Element.BF16, elements, 1, -2, 0.5f);
      assertArrayEquals(new float[] {1, -2, 0.5f}, Elements.get(Element.BF16, elements));
    }
  }
}
