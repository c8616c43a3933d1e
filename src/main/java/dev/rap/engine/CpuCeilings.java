package dev.rap.engine;

import dev.rap.kernels.Kernels;
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
import java.util.function.ToLongFunction;

/** Measures the {@link Ceilings} of several threads of this machine's CPU together. */
final class CpuCeilings {
  private static final long BUFFER_BYTES = 256L << 20; // no cache holds it
  private static final int PASSES = 12; // the fastest counts
  private static final byte PATTERN = 1;
  private static final int LINE_BYTES = 64;
  private static final int ELEMENTS = 1 << 17; // a cache holds them
  private static final int ROUNDS = 1000;

  private CpuCeilings() {}

  /**
   * @param kernels do the arithmetic, with the threads that they have
   * @param threads that read and copy
   */
  static Ceilings measure(Kernels kernels, int threads) {
    try (Arena arena = Arena.ofShared();
        ExecutorService team = Executors.newFixedThreadPool(threads)) {
      MemorySegment buffer = arena.allocate(BUFFER_BYTES, 64).fill(PATTERN);
      List<MemorySegment> parts = parts(buffer, threads);
      double read = BUFFER_BYTES / fastest(() -> read(team, parts));
      double copied = BUFFER_BYTES / fastest(() -> sum(team, parts, CpuCeilings::copyHalf));
      return new Ceilings(read, copied, flops(kernels, buffer));
    }
  }

  private static double flops(Kernels kernels, MemorySegment buffer) {
    double seconds = fastest(() -> kernels.multiplyAdds(buffer, ELEMENTS, 0.5f, 1, ROUNDS));
    return 2.0 * ELEMENTS * ROUNDS / seconds;
  }

  private static double fastest(Runnable pass) {
    double best = Double.POSITIVE_INFINITY;
    for (int i = 0; i < PASSES; i++) {
      long start = System.nanoTime();
      pass.run();
      best = Math.min(best, (System.nanoTime() - start) / 1e9);
    }
    return best;
  }

  private static void read(ExecutorService team, List<MemorySegment> parts) {
    if (sum(team, parts, CpuCeilings::sumOfLines) != BUFFER_BYTES / LINE_BYTES * PATTERN) {
      throw new IllegalStateException("memory was read as something that was not written");
    }
  }

  private static List<MemorySegment> parts(MemorySegment buffer, int threads) {
    List<MemorySegment> parts = new ArrayList<>();
    long lines = BUFFER_BYTES / LINE_BYTES;
    for (int i = 0; i < threads; i++) {
      long first = lines * i / threads;
      long end = lines * (i + 1) / threads;
      parts.add(buffer.asSlice(first * LINE_BYTES, (end - first) * LINE_BYTES));
    }
    return parts;
  }

  private static long sum(
      ExecutorService team, List<MemorySegment> parts, ToLongFunction<MemorySegment> work) {
    List<Callable<Long>> calls = new ArrayList<>();
    parts.forEach(part -> calls.add(() -> work.applyAsLong(part)));
    try {
      long sum = 0;
      for (Future<Long> call : team.invokeAll(calls)) {
        sum += call.get();
      }
      return sum;
    } catch (ExecutionException e) {
      throw new IllegalStateException("memory could not be read", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("reading memory was interrupted", e);
    }
  }

  // Memory gives whole cache lines: one byte of each asks for all.
  private static long sumOfLines(MemorySegment part) {
    int lines = (int) (part.byteSize() / LINE_BYTES);
    long sum = 0;
    for (int i = 0; i < lines; i++) {
      sum += part.get(ValueLayout.JAVA_BYTE, (long) LINE_BYTES * i);
    }
    return sum;
  }

  private static long copyHalf(MemorySegment part) {
    long half = part.byteSize() / 2;
    part.asSlice(half, half).copyFrom(part.asSlice(0, half));
    return half;
  }
}
