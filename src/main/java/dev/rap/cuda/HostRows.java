package dev.rap.cuda;

import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * Parts of stored matrices in a type that {@link CudaKernels#convert} knows: as they are stored, or
 * as F32 that the CPU's kernels made of them.
 *
 * <p>What it hands out is valid until the next call.
 */
final class HostRows implements AutoCloseable {
  private final Arena arena = Arena.ofShared(); // the ring's threads read it
  private Optional<Kernels> kernels = Optional.empty();
  private MemorySegment gathered = MemorySegment.NULL;
  private MemorySegment widened = MemorySegment.NULL;

  /** {@return the type that parts of matrices have that are stored as {@code type}} */
  static DType handedOut(DType type) {
    return switch (type) {
      case F32, F16, BF16, Q8_0, Q4_0, Q4_1 -> type;
      case Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K -> DType.F32;
    };
  }

  /** {@return some rows} */
  MemorySegment rows(Tensor tensor, long first, long count) {
    long rowBytes = tensor.rowBytes();
    MemorySegment part = tensor.data().asSlice(first * rowBytes, count * rowBytes);
    return handedOut(tensor.dtype()) == tensor.dtype()
        ? part
        : widen(new Tensor(tensor.dtype(), (int) count, tensor.columns(), part));
  }

  /** {@return some columns of all rows, side by side} */
  MemorySegment columns(Tensor tensor, int first, int count) {
    DType type = tensor.dtype();
    int block = type.blockElements();
    int start = first / block * block;
    int columns = Math.ceilDiv(first + count, block) * block - start;
    MemorySegment blocks = blocks(tensor, start, columns);
    if (handedOut(type) == type) {
      return blocks;
    }
    MemorySegment wide = widen(new Tensor(type, tensor.rows(), columns, blocks));
    long rowBytes = 4L * count;
    for (long row = 0; row < tensor.rows(); row++) { // to the left, or where it is
      long from = 4 * (row * columns + first - start);
      MemorySegment.copy(wide, from, wide, row * rowBytes, rowBytes);
    }
    return wide.asSlice(0, tensor.rows() * rowBytes);
  }

  private MemorySegment blocks(Tensor tensor, int start, int columns) {
    long bytes = tensor.dtype().byteSize(columns);
    long offset = tensor.dtype().byteSize(start);
    gathered = atLeast(gathered, bytes * tensor.rows());
    for (int row = 0; row < tensor.rows(); row++) {
      long from = row * tensor.rowBytes() + offset;
      MemorySegment.copy(tensor.data(), from, gathered, row * bytes, bytes);
    }
    return gathered.asSlice(0, bytes * tensor.rows());
  }

  private MemorySegment widen(Tensor part) {
    if (kernels.isEmpty()) {
      kernels = Optional.of(CpuKernels.open(Runtime.getRuntime().availableProcessors()));
    }
    long indexBytes = 4L * part.rows();
    long bytes = 4L * part.rows() * part.columns();
    widened = atLeast(widened, bytes + indexBytes);
    MemorySegment index = widened.asSlice(bytes, indexBytes);
    for (int row = 0; row < part.rows(); row++) {
      index.setAtIndex(ValueLayout.JAVA_INT, row, row);
    }
    kernels.get().embed(widened.asSlice(0, bytes), part, index, part.rows());
    return widened.asSlice(0, bytes);
  }

  private MemorySegment atLeast(MemorySegment memory, long bytes) {
    return memory.byteSize() >= bytes ? memory : arena.allocate(bytes, 64);
  }

  @Override
  public void close() {
    kernels.ifPresent(Kernels::close);
    arena.close();
  }
}
