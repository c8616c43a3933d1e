package dev.rap.cuda;

import java.util.Arrays;
import java.util.BitSet;

/**
 * Where the units of a sublayer lie. Slot s is rows {@code [s * unitRows, (s + 1) * unitRows)} of
 * its matrices. The n units that are there take the first n slots: those below n are at home, unit
 * u in slot u, and the others fill in ascending order the slots whose units are not there.
 *
 * <p>So the same units always lie the same way, few of them move when some go, and when all are
 * there each is at home.
 */
final class UnitSlots {
  /** In place of a slot: the room beside the slots that holds one unit while others change. */
  static final int ASIDE = -1;

  private final int[] unitAt;
  private int count;
  private boolean isHome = true;

  /**
   * @param units of the sublayer
   * @param areThere whether all are there, each at home, or none
   */
  UnitSlots(int units, boolean areThere) {
    this.unitAt = new int[units];
    this.count = areThere ? units : 0;
    Arrays.setAll(unitAt, unit -> unit);
  }

  /** {@return units of the sublayer} */
  int size() {
    return unitAt.length;
  }

  /** {@return units that are there} */
  int count() {
    return count;
  }

  /** {@return whether each unit that is there is at home} */
  boolean isHome() {
    return isHome;
  }

  /** {@return the unit in a slot} */
  int unitAt(int slot) {
    return unitAt[slot];
  }

  /** {@return the units that are there} */
  BitSet units() {
    BitSet units = new BitSet();
    for (int slot = 0; slot < count; slot++) {
      units.set(unitAt[slot]);
    }
    return units;
  }

  /**
   * {@return the slots in which {@code wanted} lie}
   *
   * @throws IllegalArgumentException if one is not there
   */
  BitSet slotsOf(BitSet wanted) {
    BitSet slots = new BitSet();
    for (int slot = 0; slot < count; slot++) {
      slots.set(slot, wanted.get(unitAt[slot]));
    }
    if (slots.cardinality() != wanted.cardinality()) {
      throw new IllegalArgumentException(
          "units %s are wanted, there are %s".formatted(wanted, units()));
    }
    return slots;
  }

  /** What copies units. */
  interface Mover {
    /**
     * Copies the unit in one slot to another.
     *
     * @param from a slot, or {@link #ASIDE}
     * @param to a slot, or {@link #ASIDE}
     */
    void move(int from, int to);
  }

  /** {@return slots in order, each with the unit that lies there when {@code units} are} */
  static int[] layout(BitSet units) {
    int[] layout = new int[units.cardinality()];
    int guest = units.nextSetBit(layout.length);
    for (int slot = 0; slot < layout.length; slot++) {
      if (units.get(slot)) {
        layout[slot] = slot;
      } else {
        layout[slot] = guest;
        guest = units.nextSetBit(guest + 1);
      }
    }
    return layout;
  }

  /**
   * Changes which units are there.
   *
   * @param arrived units that lie, in this order, in the slots after those of the units before
   * @param units a part of those before and of {@code arrived}
   */
  void change(int[] arrived, BitSet units, Mover mover) {
    int[] slotOf = new int[unitAt.length];
    Arrays.fill(slotOf, ASIDE);
    for (int slot = 0; slot < count; slot++) {
      slotOf[unitAt[slot]] = slot;
    }
    for (int i = 0; i < arrived.length; i++) {
      slotOf[arrived[i]] = count + i;
    }
    int[] layout = layout(units);
    int[] sources = new int[unitAt.length]; // by slot: where what comes there is now
    Arrays.fill(sources, ASIDE);
    for (int slot = 0; slot < layout.length; slot++) {
      sources[slot] = slotOf[layout[slot]];
      if (sources[slot] == ASIDE) {
        throw new IllegalArgumentException("unit %d is not there".formatted(layout[slot]));
      }
    }
    move(sources, layout.length, mover);
    System.arraycopy(layout, 0, unitAt, 0, layout.length);
    count = layout.length;
    isHome = count == 0 || Arrays.stream(layout).max().getAsInt() == count - 1;
  }

  // Each slot is copied to once, before it is copied from at most; what closes a circle waits
  // aside.
  private static void move(int[] sources, int slots, Mover mover) {
    int[] readers = new int[sources.length]; // by slot: the slot that needs what is there now
    Arrays.fill(readers, ASIDE);
    for (int slot = 0; slot < slots; slot++) {
      if (sources[slot] != slot) {
        readers[sources[slot]] = slot;
      }
    }
    BitSet pending = new BitSet();
    for (int slot = 0; slot < slots; slot++) {
      pending.set(slot, sources[slot] != slot);
    }
    for (int slot = 0; slot < slots; slot++) {
      if (pending.get(slot) && readers[slot] == ASIDE) {
        follow(slot, sources, pending, mover);
      }
    }
    for (int slot = pending.nextSetBit(0); slot >= 0; slot = pending.nextSetBit(slot)) {
      mover.move(slot, ASIDE);
      sources[readers[slot]] = ASIDE;
      follow(slot, sources, pending, mover);
    }
  }

  // Fills a slot that nobody needs as it is, then the slot that it was filled from, and so on.
  private static void follow(int first, int[] sources, BitSet pending, Mover mover) {
    int slot = first;
    while (slot != ASIDE && pending.get(slot)) {
      mover.move(sources[slot], slot);
      pending.clear(slot);
      slot = sources[slot];
    }
  }
}
