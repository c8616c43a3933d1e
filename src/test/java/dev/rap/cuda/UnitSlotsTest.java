package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class UnitSlotsTest {

  private static BitSet units(int... units) {
    BitSet set = new BitSet();
    Arrays.stream(units).forEach(set::set);
    return set;
  }

  @Test
  void whatIsLeftFillsTheHolesFromTheEnd() {
    List<String> moves = new ArrayList<>();
    UnitSlots slots = new UnitSlots(8, true);
    slots.change(new int[0], units(0, 2, 3, 5, 6, 7), (from, to) -> moves.add(from + "->" + to));
    assertEquals(List.of("6->1", "7->4"), moves);
    assertArrayEquals(new int[] {0, 6, 2, 3, 7, 5}, UnitSlots.layout(slots.units()));
  }

  @Test
  void oneThatWasNeverThereIsRefused() {
    UnitSlots slots = new UnitSlots(4, true);
    slots.change(new int[0], units(0, 1), (from, to) -> {});
    assertThrows(
        IllegalArgumentException.class,
        () -> slots.change(new int[] {3}, units(0, 2), (from, to) -> {}));
  }

  // The model: an array of what lies where, on which the moves are done one after the other.
  @Test
  void anyChangesBringEachUnitToItsSlotWithOneMoveEachAndOneMoreACircle() {
    Random random = new Random(5);
    for (int round = 0; round < 2000; round++) {
      int n = 1 + random.nextInt(12);
      UnitSlots slots = new UnitSlots(n, true);
      int[] content = new int[n + 1]; // the last is aside
      Arrays.setAll(content, i -> i);
      content[n] = -7;
      for (int change = 0; change < 6; change++) {
        List<Integer> missing = new ArrayList<>();
        for (int unit = 0; unit < n; unit++) {
          if (!slots.units().get(unit)) {
            missing.add(unit);
          }
        }
        Collections.shuffle(missing, random);
        int[] arrived =
            missing.stream().limit(random.nextInt(n + 1)).mapToInt(Integer::intValue).toArray();
        BitSet wanted = slots.units();
        for (int i = 0; i < arrived.length; i++) {
          wanted.set(arrived[i]);
          content[slots.count() + i] = arrived[i];
        }
        for (int unit = 0; unit < n; unit++) {
          if (random.nextInt(3) == 0) {
            wanted.clear(unit);
          }
        }
        int[] moves = new int[1];
        int before = slots.count() + arrived.length;
        int displaced = 0;
        int[] layout = UnitSlots.layout(wanted);
        for (int slot = 0; slot < layout.length; slot++) {
          displaced += content[slot] == layout[slot] ? 0 : 1;
        }
        slots.change(
            arrived,
            wanted,
            (from, to) -> {
              moves[0]++;
              assertTrue(from < before && to < before);
              content[to < 0 ? n : to] = content[from < 0 ? n : from];
            });
        assertEquals(wanted, slots.units());
        for (int slot = 0; slot < slots.count(); slot++) {
          assertEquals(slots.unitAt(slot), content[slot]);
          assertTrue(slots.unitAt(slot) == slot || !wanted.get(slot));
        }
        assertTrue(moves[0] <= displaced + displaced / 2);
      }
    }
  }
}
