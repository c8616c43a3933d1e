package dev.rap.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rap.InputException;
import dev.rap.tensor.DType;
import dev.rap.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Threads of the native kernels, and how they are chosen. */
class TeamTest {
  private static final Path TASKS = Path.of("/proc/self/task");

  private static Isa best() {
    return NativeIsas.all().getLast();
  }

  // Other tests may have teams of their own.
  private static Set<Thread> kernelThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("rap-kernel-"))
        .collect(Collectors.toSet());
  }

  @Test
  void threadsBeginWithTheKernelsAndEndWithThem() {
    Isa isa = best();
    Set<Thread> before = kernelThreads();
    Kernels kernels = new NativeKernels(3, isa);
    Set<Thread> team = kernelThreads();
    team.removeAll(before);
    assertEquals(
        Set.of("rap-kernel-1", "rap-kernel-2"),
        team.stream().map(Thread::getName).collect(Collectors.toSet()));
    assertTrue(team.stream().allMatch(Thread::isDaemon));
    assertTrue(kernels.description().endsWith(", 3 threads"), kernels::description);
    kernels.close();
    kernels.close();
    assertTrue(team.stream().noneMatch(Thread::isAlive));
  }

  @Test
  void closedKernelsRefuseToWork() {
    Isa isa = best();
    try (Arena arena = Arena.ofConfined()) {
      RandomData data = new RandomData(arena, 1);
      MemorySegment y = data.floats(4, 0);
      Kernels kernels = new NativeKernels(1, isa);
      kernels.close();
      assertThrows(IllegalStateException.class, () -> kernels.addRow(y, 4, 1, y, Ranges.all(4)));
    }
  }

  @Test
  void everyItemIsDoneOnceWhateverTheNumberOfThreads() {
    // A sum of ones counts the columns; accumulating shows a panel that is done twice or not at
    // all.
    int rows = 1000;
    int rounds = 3000;
    try (Arena arena = Arena.ofConfined()) {
      RandomData data = new RandomData(arena, 1);
      Tensor ones = new Tensor(DType.F32, rows, 3, data.floats(rows * 3L, 1));
      MemorySegment x = data.floats(3, 1);
      for (int threads : new int[] {1, 2, 7}) {
        MemorySegment y = data.floats(rows, 0);
        try (Kernels kernels = new NativeKernels(threads, best())) {
          for (int i = 0; i < rounds; i++) {
            kernels.matmul(y, rows, x, 3, 1, ones, Ranges.all(rows), Ranges.all(3), true);
          }
        }
        for (int r = 0; r < rows; r++) {
          assertEquals(3 * rounds, y.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * r));
        }
      }
    }
  }

  @Test
  void idleThreadsSleepAndWakeForWork() throws IOException {
    assumeTrue(Files.isDirectory(TASKS), "needs Linux's /proc");
    try (Arena arena = Arena.ofConfined();
        Kernels kernels = new NativeKernels(4, best())) {
      RandomData data = new RandomData(arena, 1);
      Tensor ones = new Tensor(DType.F32, 500, 2, data.floats(1000, 1));
      MemorySegment y = data.floats(500, 0);
      MemorySegment x = data.floats(2, 1);
      for (int i = 0; i < 20; i++) {
        awaitSleep(3);
        kernels.matmul(y, 500, x, 2, 1, ones, Ranges.all(500), Ranges.all(2), true);
      }
      assertEquals(40, y.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * 499));
    }
  }

  private static void awaitSleep(int threads) throws IOException {
    long start = System.nanoTime();
    while (sleepers() < threads) {
      assertTrue(System.nanoTime() - start < 10_000_000_000L, "an idle thread is busy");
      Thread.onSpinWait();
    }
  }

  // In proc(5), "stat" is: pid (name) state ...
  private static long sleepers() throws IOException {
    try (Stream<Path> tasks = Files.list(TASKS)) {
      return tasks
          .map(TeamTest::stat)
          .filter(stat -> stat.contains("(rap-kernel-") && stat.contains(") S "))
          .count();
    }
  }

  private static String stat(Path task) {
    try {
      return Files.readString(task.resolve("stat"));
    } catch (IOException e) {
      return "the thread has ended";
    }
  }

  @Test
  void instructionSetIsChosenByName() {
    assertEquals(Isa.AVX512, CpuKernels.isa(null, Isa.AVX512));
    assertEquals(Isa.AVX512, CpuKernels.isa(" ", Isa.AVX512));
    assertEquals(Isa.AVX2, CpuKernels.isa("avx2", Isa.AVX512));
    for (String name : new String[] {"avx512_bf16", "neon"}) {
      InputException refused =
          assertThrows(InputException.class, () -> CpuKernels.isa(name, Isa.AVX512));
      assertTrue(refused.getMessage().contains("[BASELINE, AVX2, AVX512]"), refused::getMessage);
    }
  }

  @Test
  void kernelsNeedAThread() {
    assertThrows(IllegalArgumentException.class, () -> CpuKernels.open(0));
  }
}
