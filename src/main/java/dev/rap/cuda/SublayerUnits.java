package dev.rap.cuda;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A sublayer's matrices, and which units they hold: those in use in the first slots, and behind
 * them those that arrive.
 */
final class SublayerUnits {
  private final UnitSlots slots;
  private final List<ElasticMemory> matrices;
  private final List<CudaWeights.UnitRows> rows; // by matrix
  private final List<Vector> vectors;
  private int[] arriving = new int[0]; // in the order of their places
  private int matricesGrown; // for the unit that comes next

  /**
   * F32 numbers of all units, which are few and never leave.
   *
   * @param home by unit
   * @param placed by slot
   */
  record Vector(DeviceMemory home, DeviceMemory placed, long unitBytes) {}

  /**
   * @param rows by matrix
   */
  SublayerUnits(
      UnitSlots slots,
      List<ElasticMemory> matrices,
      List<CudaWeights.UnitRows> rows,
      List<Vector> vectors) {
    this.slots = slots;
    this.matrices = matrices;
    this.rows = rows;
    this.vectors = vectors;
  }

  /** {@return where the units in use lie} */
  UnitSlots slots() {
    return slots;
  }

  /** {@return how many matrices there are} */
  int matrices() {
    return matrices.size();
  }

  /** {@return the units in use, and those that arrive} */
  BitSet present() {
    BitSet units = slots.units();
    for (int unit : arriving) {
      units.set(unit);
    }
    return units;
  }

  boolean hasArrivals() {
    return arriving.length > 0;
  }

  /** {@return whether all units are in use} */
  boolean isWhole() {
    return !hasArrivals() && slots.count() == slots.size();
  }

  /** Makes {@code units}, which are present, those in use. */
  void change(BitSet units, UnitMoves moves, CudaStream stream) {
    if (!hasArrivals() && units.equals(slots.units())) {
      return;
    }
    moves.change(slots, arriving, units, matrices, rows);
    arriving = new int[0];
    for (Vector vector : vectors) {
      for (int slot = 0; slot < slots.count(); slot++) {
        long home = slots.unitAt(slot) * vector.unitBytes();
        long bytes = Math.min(vector.unitBytes(), vector.home().bytes() - home); // may be short
        stream.copy(vector.placed(), slot * vector.unitBytes(), vector.home(), home, bytes);
      }
    }
  }

  /** {@return whether there are pages behind what is needed} */
  boolean hasExcess() {
    return IntStream.range(0, matrices.size())
        .anyMatch(i -> matrices.get(i).excess(neededBytes(i)) > 0);
  }

  /** Gives a piece of what is not needed to the pool; {@return whether there was one} */
  boolean shrinkPiece() {
    for (int i = 0; i < matrices.size(); i++) {
      if (matrices.get(i).shrinkPiece(neededBytes(i))) {
        return true;
      }
    }
    return false;
  }

  // The unit that comes next may have its place already.
  private long neededBytes(int matrix) {
    return rows.get(matrix).front(used() + (matricesGrown > matrix ? 1 : 0));
  }

  private int used() {
    return slots.count() + arriving.length;
  }

  /**
   * Makes room for the unit that comes next, in one matrix.
   *
   * @return whether all have it now
   * @throws DeviceOutOfMemoryException if there is none; all is as before
   */
  boolean growPiece() {
    matrices.get(matricesGrown).grow(rows.get(matricesGrown).front(used() + 1));
    matricesGrown++;
    return matricesGrown == matrices.size();
  }

  /** Lets go of the room for the unit that was to come next. */
  void forgetNext() {
    matricesGrown = 0;
  }

  /** {@return where the unit that comes next is to lie} */
  long nextAddress(int matrix) {
    return matrices.get(matrix).address(rows.get(matrix).offset(used()));
  }

  /** {@return bytes of a unit, in all matrices} */
  long bytes(int unit) {
    return rows.stream().mapToLong(matrix -> matrix.bytes(unit)).sum();
  }

  /** Counts the unit that comes next, which is under way. */
  void arrives(int unit) {
    arriving = Arrays.copyOf(arriving, arriving.length + 1);
    arriving[arriving.length - 1] = unit;
    matricesGrown = 0;
  }
}
