package dev.rap.cuda;

import dev.rap.natives.PageMemory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Pinned buffers with as much device memory each, through which host memory of any kind passes to
 * the device. Several threads fill a pinned buffer while earlier ones are on their way: one thread
 * alone copies at a quarter of what PCIe carries.
 */
final class StagingRing implements AutoCloseable {
  private static final int SLOTS = 4;
  private static final long LOADING_BYTES = 32L << 20; // of a slot, while a model is loaded
  private static final int MOST_THREADS = 12;

  /** Of device memory that a ring takes to load a model, and as much pinned. */
  static final long BYTES = SLOTS * LOADING_BYTES;

  private final long slotBytes;
  private final BooleanSupplier meanwhile;
  private final CudaStream stream;
  private final List<Slot> slots = new ArrayList<>();
  private final ExecutorService copiers;
  private final int threads;
  private int next;

  private record Slot(PinnedMemory pinned, DeviceMemory staged, CudaEvent done)
      implements AutoCloseable {
    @Override
    public void close() {
      pinned.close();
      staged.close();
      done.close();
    }
  }

  /**
   * A ring to load a model.
   *
   * @param meanwhile does a piece of other work while the copiers are busy, and says whether there
   *     was one
   */
  StagingRing(CudaDevice device, CudaStream stream, BooleanSupplier meanwhile) {
    this(device, stream, LOADING_BYTES, meanwhile);
  }

  /**
   * A ring for smaller things.
   *
   * @param slotBytes most of one call of {@link #pass}; four times as much is allocated
   */
  StagingRing(CudaDevice device, CudaStream stream, long slotBytes) {
    this(device, stream, slotBytes, () -> false);
  }

  private StagingRing(
      CudaDevice device, CudaStream stream, long slotBytes, BooleanSupplier meanwhile) {
    this.meanwhile = meanwhile;
    this.slotBytes = slotBytes;
    this.stream = stream;
    for (int i = 0; i < SLOTS; i++) {
      slots.add(
          new Slot(
              device.newPinned(slotBytes),
              device.allocate(slotBytes, MemoryOwner.WORKSPACE),
              device.newEvent()));
    }
    this.threads = Math.clamp(Runtime.getRuntime().availableProcessors(), 1, MOST_THREADS);
    this.copiers = Executors.newFixedThreadPool(threads, Thread.ofPlatform().daemon().factory());
  }

  long slotBytes() {
    return slotBytes;
  }

  /**
   * Brings {@code data} to staging memory and queues what reads it there.
   *
   * @param data at most {@link #slotBytes}
   * @param reader queues work on the stream, given where it is
   */
  void pass(MemorySegment data, Consumer<DeviceMemory> reader) {
    Slot slot = slots.get(next++ % SLOTS);
    slot.done().await();
    fill(slot.pinned().segment(), data);
    stream.upload(slot.staged(), 0, slot.pinned().segment(), data.byteSize());
    reader.accept(slot.staged());
    stream.record(slot.done());
  }

  private void fill(MemorySegment pinned, MemorySegment data) {
    if (data.byteSize() < threads * 65536L) {
      MemorySegment.copy(data, 0, pinned, 0, data.byteSize());
      return;
    }
    List<Callable<Void>> parts = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      long first = data.byteSize() * i / threads;
      long bytes = data.byteSize() * (i + 1) / threads - first;
      parts.add(
          () -> {
            PageMemory.populate(data.asSlice(first, bytes));
            MemorySegment.copy(data, first, pinned, first, bytes);
            return null;
          });
    }
    try {
      List<Future<Void>> copies = parts.stream().map(copiers::submit).toList();
      while (!copies.stream().allMatch(Future::isDone) && meanwhile.getAsBoolean()) {
        // the copiers are at work
      }
      for (Future<Void> copy : copies) {
        copy.get();
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException("reading the model's file failed", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("loading the model was interrupted", e);
    }
  }

  @Override
  public void close() {
    copiers.close(); // waits: after a failure some may still write to pinned memory
    slots.forEach(Slot::close);
  }
}
