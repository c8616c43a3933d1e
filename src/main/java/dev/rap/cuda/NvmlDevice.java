package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;
import java.util.OptionalLong;

/** A GPU or MIG instance as {@link Nvml} sees it: its memory, and that of each process. */
final class NvmlDevice {
  private static final int SUCCESS = 0;
  private static final int INSUFFICIENT_SIZE = 7;

  // nvmlMemory_v2_t: unsigned version; unsigned long long total, reserved, free, used.
  private static final int MEMORY_BYTES = 40;
  private static final int MEMORY_VERSION = MEMORY_BYTES | 2 << 24;

  // nvmlProcessInfo_v2_t: unsigned pid; unsigned long long used; unsigned instances[2].
  private static final int PROCESS_BYTES = 24;
  private static final int USED_OFFSET = 8;
  private static final long NOT_AVAILABLE = -1;

  private final MethodHandle memoryInfo;
  private final MethodHandle processes;
  private final MemorySegment handle;

  NvmlDevice(MethodHandle memoryInfo, MethodHandle processes, MemorySegment handle) {
    this.memoryInfo = memoryInfo;
    this.processes = processes;
    this.handle = handle;
  }

  /**
   * Bytes of the device.
   *
   * @param total those reserved included
   * @param reserved what the driver and the device keep to themselves
   * @param used by all processes, as {@code nvidia-smi} shows it
   */
  record Memory(long total, long reserved, long free, long used) {}

  /** {@return bytes of the device now; empty where NVML refuses} */
  Optional<Memory> memory() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(MEMORY_BYTES, JAVA_LONG.byteAlignment());
      memory.set(JAVA_INT, 0, MEMORY_VERSION);
      int status = (int) memoryInfo.invokeExact(handle, memory);
      if (status != SUCCESS) {
        return Optional.empty();
      }
      return Optional.of(
          new Memory(
              memory.get(JAVA_LONG, 8),
              memory.get(JAVA_LONG, 16),
              memory.get(JAVA_LONG, 24),
              memory.get(JAVA_LONG, 32)));
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  /**
   * {@return bytes of the device that a process uses, CUDA's own included; empty where NVML does
   * not show that process, as in containers with process numbers of their own}
   */
  OptionalLong usedBy(long pid) {
    int capacity = 32;
    while (true) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment count = arena.allocateFrom(JAVA_INT, capacity);
        MemorySegment list =
            arena.allocate((long) capacity * PROCESS_BYTES, JAVA_LONG.byteAlignment());
        int status = (int) processes.invokeExact(handle, count, list);
        int found = count.get(JAVA_INT, 0);
        if (status == INSUFFICIENT_SIZE && found > capacity) {
          capacity = 2 * found;
          continue;
        }
        return status == SUCCESS ? usedBy(pid, list, found) : OptionalLong.empty();
      } catch (Throwable t) {
        throw Downcall.unexpected(t);
      }
    }
  }

  private static OptionalLong usedBy(long pid, MemorySegment list, int count) {
    for (long i = 0; i < count; i++) {
      long used = list.get(JAVA_LONG, i * PROCESS_BYTES + USED_OFFSET);
      if (list.get(JAVA_INT, i * PROCESS_BYTES) == pid && used != NOT_AVAILABLE) {
        return OptionalLong.of(used);
      }
    }
    return OptionalLong.empty();
  }
}
