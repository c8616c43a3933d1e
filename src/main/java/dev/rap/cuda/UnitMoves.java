package dev.rap.cuda;

import dev.rap.model.MaskShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;
import java.util.List;

/** Copies of units between the slots of a sublayer's matrices, queued as many at once as may be. */
final class UnitMoves implements AutoCloseable {
  private final CudaStream stream;
  private final CudaKernels kernels;
  private final DeviceMemory aside; // room for one unit of any sublayer
  private final DeviceMemory pairs; // int32 [most units, 2]
  private final BitSet sources = new BitSet(); // of the pairs that are not queued yet
  private final BitSet targets = new BitSet();
  private final int[] waiting;
  private int count; // of pairs that are not queued yet

  UnitMoves(
      CudaDevice device,
      CudaStream stream,
      CudaKernels kernels,
      CudaWeights weights,
      MaskShape shape) {
    this.stream = stream;
    this.kernels = kernels;
    int units = Math.max(shape.headGroups(), shape.channelBlocks());
    long unitBytes = 0;
    for (int sublayer : new int[] {0, 1}) {
      List<CudaWeights.UnitRows> rows = weights.unitRows(shape, sublayer);
      unitBytes = Math.max(unitBytes, rows.stream().mapToLong(row -> row.bytes(0)).sum());
    }
    this.aside = device.allocate(unitBytes, MemoryOwner.WORKSPACE);
    this.pairs = device.allocate(2L * units * Integer.BYTES, MemoryOwner.WORKSPACE);
    this.waiting = new int[2 * units];
  }

  /** Queues what {@code slots} needs to hold {@code units}; see {@link UnitSlots#change}. */
  void change(
      UnitSlots slots,
      int[] arrived,
      BitSet units,
      List<ElasticMemory> matrices,
      List<CudaWeights.UnitRows> rows) {
    slots.change(arrived, units, (from, to) -> move(from, to, matrices, rows));
    queue(matrices, rows);
  }

  private void move(
      int from, int to, List<ElasticMemory> matrices, List<CudaWeights.UnitRows> rows) {
    if (from == UnitSlots.ASIDE || to == UnitSlots.ASIDE) {
      queue(matrices, rows);
      moveAside(from, to, matrices, rows);
      return;
    }
    if (sources.get(to) || targets.get(from)) {
      queue(matrices, rows); // copies of one launch go in any order
    }
    sources.set(from);
    targets.set(to);
    waiting[2 * count] = from;
    waiting[2 * count + 1] = to;
    count++;
  }

  private void queue(List<ElasticMemory> matrices, List<CudaWeights.UnitRows> rows) {
    if (count == 0) {
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(2L * count * Integer.BYTES, 64);
      MemorySegment.copy(waiting, 0, host, ValueLayout.JAVA_INT, 0, 2 * count);
      stream.upload(pairs, 0, host, host.byteSize());
    }
    for (int i = 0; i < matrices.size(); i++) {
      long address = matrices.get(i).address();
      kernels.copyBlocks(stream.handle(), address, rows.get(i).bytes(0), pairs.address(), count);
    }
    sources.clear();
    targets.clear();
    count = 0;
  }

  private void moveAside(
      int from, int to, List<ElasticMemory> matrices, List<CudaWeights.UnitRows> rows) {
    long offset = 0;
    for (int i = 0; i < matrices.size(); i++) {
      CudaWeights.UnitRows row = rows.get(i);
      DeviceMemory matrix = matrices.get(i);
      if (to == UnitSlots.ASIDE) {
        stream.copy(aside, offset, matrix, row.offset(from), row.bytes(0));
      } else {
        stream.copy(matrix, row.offset(to), aside, offset, row.bytes(0));
      }
      offset += row.bytes(0);
    }
  }

  @Override
  public void close() {
    aside.close();
    pairs.close();
  }
}
