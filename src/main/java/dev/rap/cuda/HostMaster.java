package dev.rap.cuda;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** A copy in pinned memory of all matrices that can leave the device, laid out as there. */
final class HostMaster implements AutoCloseable {
  private final CudaStream stream; // that brings units back
  private final List<List<PinnedMemory>> copies = new ArrayList<>(); // by sublayer, by matrix

  /**
   * Copies what is on the device now.
   *
   * @param sublayers of which all units are there, each at home
   */
  HostMaster(CudaDevice device, CudaStream stream, List<List<ElasticMemory>> sublayers) {
    this.stream = stream;
    for (List<ElasticMemory> matrices : sublayers) {
      List<PinnedMemory> row = new ArrayList<>();
      for (ElasticMemory matrix : matrices) {
        PinnedMemory copy = device.newPinned(matrix.heldBytes());
        row.add(copy);
        stream.download(copy.segment(), matrix, 0, copy.segment().byteSize());
      }
      copies.add(row);
    }
    stream.synchronize();
  }

  /** Queues the copy of a part of one matrix to where it is to lie. */
  void bring(int sublayer, int matrix, long from, ElasticMemory to, long offset, long bytes) {
    MemorySegment copy = copies.get(sublayer).get(matrix).segment();
    stream.upload(to, offset, copy.asSlice(from, bytes), bytes);
  }

  @Override
  public void close() {
    copies.forEach(row -> row.forEach(PinnedMemory::close));
  }
}
