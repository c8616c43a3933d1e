package dev.rap.cuda;

import dev.rap.model.MaskShape;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A copy in pinned memory of all matrices that can leave the device, laid out as there: the fastest
 * source, which takes as much of the host's memory as they take of the device's.
 */
final class HostMaster implements UnitSource {
  private final CudaDevice device;
  private final CudaStream stream; // that brings units back
  private final CudaWeights weights;
  private final List<List<PinnedMemory>> copies = new ArrayList<>(); // by sublayer, by matrix

  /**
   * Copies what is on the device now.
   *
   * @param weights of which all units are there, each at home
   */
  HostMaster(CudaDevice device, CudaStream stream, CudaWeights weights) {
    this.device = device;
    this.stream = stream;
    this.weights = weights;
    for (int i = 0; i < 2 * weights.config().layers(); i++) {
      List<PinnedMemory> row = new ArrayList<>();
      for (ElasticMemory matrix : weights.matrices(i)) {
        PinnedMemory copy = device.newPinned(matrix.heldBytes());
        row.add(copy);
        stream.download(copy.segment(), matrix, 0, copy.segment().byteSize());
      }
      copies.add(row);
    }
    stream.synchronize();
  }

  @Override
  public void bring(MaskShape shape, int sublayer, int matrix, int unit, long to) {
    CudaWeights.UnitRows rows = weights.unitRows(shape, sublayer).get(matrix);
    MemorySegment copy = copies.get(sublayer).get(matrix).segment();
    long bytes = rows.bytes(unit);
    MemorySegment part = copy.asSlice(rows.offset(unit), bytes);
    device.driver().upload(stream.handle(), to, part, bytes);
  }

  @Override
  public void close() {
    copies.forEach(row -> row.forEach(PinnedMemory::close));
  }
}
