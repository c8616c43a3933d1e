package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.rap.engine.SamplingOptions;
import dev.rap.engine.Sequence;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** What comes back from the logits of a step: tokens that were drawn, or log-probabilities. */
final class Results implements AutoCloseable {
  private static final long DRAW_BYTES = 24; // struct rap_cuda_draw

  private final CudaStream stream;
  private final CudaKernels kernels;
  private final int vocabulary;
  private final long slotBytes; // of each of the three parts
  private final PinnedMemory pinned; // what goes over, row by row; then what comes back
  private final MemorySegment hostInputs; // the second part of it
  private final MemorySegment hostOutputs; // the third
  private final DeviceMemory memory; // the same
  private final Arena arena = Arena.ofShared();
  private MemorySegment hostLogits = MemorySegment.NULL; // made when first asked for

  Results(CudaDevice device, CudaStream stream, CudaKernels kernels, int rows, int vocabulary) {
    this.stream = stream;
    this.kernels = kernels;
    this.vocabulary = vocabulary;
    this.slotBytes = (rows * DRAW_BYTES + 15) / 16 * 16;
    this.pinned = device.newPinned(3 * slotBytes);
    this.hostInputs = pinned.segment().asSlice(slotBytes, slotBytes);
    this.hostOutputs = pinned.segment().asSlice(2 * slotBytes, slotBytes);
    this.memory = device.allocate(3 * slotBytes, MemoryOwner.WORKSPACE);
  }

  /** {@return int32 {@code [count]} on the device: rows of the step, queued to be there} */
  long rows(int[] rows, int count) {
    MemorySegment.copy(rows, 0, pinned.segment(), JAVA_INT, 0, count);
    stream.upload(memory, 0, pinned.segment(), (long) count * Integer.BYTES);
    return memory.address();
  }

  /** Queues the greatest of each row of logits. May be captured. */
  void argmax(DeviceMemory logits, int count) {
    kernels.argmax(
        stream.handle(), memory.address(2 * slotBytes), logits.address(), count, vocabulary);
    back((long) count * Integer.BYTES);
  }

  private void back(long bytes) {
    stream.download(hostOutputs, memory, 2 * slotBytes, bytes);
  }

  /** Queues a draw for each row of logits, which are lost. */
  void sample(DeviceMemory logits, List<Sequence> sequences) {
    for (int i = 0; i < sequences.size(); i++) {
      write(slotBytes + i * DRAW_BYTES, sequences.get(i));
    }
    long bytes = sequences.size() * DRAW_BYTES;
    stream.upload(memory, slotBytes, hostInputs, bytes);
    kernels.sample(
        stream.handle(),
        memory.address(2 * slotBytes),
        logits.address(),
        sequences.size(),
        vocabulary,
        memory.address(slotBytes));
    back((long) sequences.size() * Integer.BYTES);
  }

  private void write(long at, Sequence sequence) {
    SamplingOptions options = sequence.sampling();
    MemorySegment host = pinned.segment();
    host.set(JAVA_FLOAT, at, (float) options.temperature());
    host.set(JAVA_INT, at + 4, options.topK());
    host.set(JAVA_FLOAT, at + 8, (float) options.topP());
    host.set(JAVA_FLOAT, at + 12, (float) options.minP());
    host.set(JAVA_DOUBLE, at + 16, options.isGreedy() ? 0 : sequence.nextUniform());
  }

  /** Waits, and gives the tokens that were drawn. */
  void tokens(int[] drawn, int count) {
    stream.synchronize();
    MemorySegment.copy(pinned.segment(), JAVA_INT, 2 * slotBytes, drawn, 0, count);
  }

  /**
   * {@return the sum of the log-probabilities of {@code targets[first .. first + count)}, waited
   * for}
   */
  double logProbs(DeviceMemory logits, int[] targets, int first, int count) {
    MemorySegment host = pinned.segment();
    MemorySegment.copy(targets, first, host, JAVA_INT, slotBytes, count);
    long bytes = (long) count * Integer.BYTES;
    stream.upload(memory, slotBytes, hostInputs, bytes);
    kernels.logProbs(
        stream.handle(),
        memory.address(2 * slotBytes),
        logits.address(),
        count,
        vocabulary,
        memory.address(slotBytes));
    back((long) count * Double.BYTES);
    stream.synchronize();
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += host.get(JAVA_DOUBLE, 2 * slotBytes + (long) i * Double.BYTES);
    }
    return sum;
  }

  /**
   * {@return logits on the host, float {@code [count, V]}, waited for, valid until the next call}
   */
  MemorySegment download(DeviceMemory logits, int count) {
    long bytes = (long) count * vocabulary * Float.BYTES;
    if (hostLogits.byteSize() < bytes) {
      hostLogits = arena.allocate(bytes, 64);
    }
    stream.download(hostLogits, logits, 0, bytes);
    stream.synchronize();
    return hostLogits;
  }

  @Override
  public void close() {
    pinned.close();
    memory.close();
    arena.close();
  }
}
