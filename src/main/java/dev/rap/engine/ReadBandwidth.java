package dev.rap.engine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * How fast several threads together read the memory of this machine: the plain sum of a buffer that
 * no cache holds. What reads all weights for a token cannot be faster.
 */
final class ReadBandwidth {
  private static final long BUFFER_BYTES = 256L << 20;
  private static final int PASSES = 12;
  private static final byte PATTERN = 1;
  private static final long WORD = 0x0101_0101_0101_0101L; // eight of it

  private ReadBandwidth() {}

  /** {@return bytes a second of the fastest pass} */
  static double measure(int threads) {
    try (Arena arena = Arena.ofShared();
        ExecutorService team = Executors.newFixedThreadPool(threads)) {
      MemorySegment buffer = arena.allocate(BUFFER_BYTES, 64);
      buffer.fill(PATTERN);
      List<Callable<Long>> parts = parts(buffer, threads);
      double best = Double.POSITIVE_INFINITY;
      for (int pass = 0; pass < PASSES; pass++) {
        long start = System.nanoTime();
        long sum = 0;
        for (Future<Long> part : team.invokeAll(parts)) {
          sum += part.get();
        }
        best = Math.min(best, (System.nanoTime() - start) / 1e9);
        if (sum != WORD * (buffer.byteSize() / Long.BYTES)) {
          throw new IllegalStateException("memory was read as something that was not written");
        }
      }
      return BUFFER_BYTES / best;
    } catch (ExecutionException e) {
      throw new IllegalStateException("memory could not be read", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("reading memory was interrupted", e);
    }
  }

  private static List<Callable<Long>> parts(MemorySegment buffer, int threads) {
    List<Callable<Long>> parts = new ArrayList<>();
    long words = BUFFER_BYTES / Long.BYTES;
    for (int i = 0; i < threads; i++) {
      long first = words * i / threads;
      long end = words * (i + 1) / threads;
      MemorySegment part = buffer.asSlice(first * Long.BYTES, (end - first) * Long.BYTES);
      parts.add(() -> sum(part));
    }
    return parts;
  }

  private static long sum(MemorySegment part) {
    int words = (int) (part.byteSize() / Long.BYTES);
    long sum = 0;
    for (int i = 0; i < words; i++) {
      sum += part.getAtIndex(ValueLayout.JAVA_LONG, i);
    }
    return sum;
  }
}
