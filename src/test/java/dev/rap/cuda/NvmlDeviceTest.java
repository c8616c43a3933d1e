package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** The structures of NVML, written by functions in Java that stand for NVML's. */
class NvmlDeviceTest {
  private static final MemorySegment HANDLE = MemorySegment.ofAddress(7);

  // nvml.h: NVML_ERROR_INSUFFICIENT_SIZE, NVML_ERROR_UNKNOWN; 40 | 2 << 24 = nvmlMemory_v2.
  private static final int INSUFFICIENT_SIZE = 7;
  private static final int UNKNOWN = 999;
  private static final int MEMORY_V2 = 0x2000028;

  @SuppressWarnings("UnusedMethod") // found by its name
  private static int memoryInfo(MemorySegment device, MemorySegment memory) {
    if (device.address() != 7 || memory.get(JAVA_INT, 0) != MEMORY_V2) {
      return UNKNOWN;
    }
    for (long i = 1; i <= 4; i++) {
      memory.set(JAVA_LONG, 8 * i, 100 * i);
    }
    return 0;
  }

  /** Forty processes, of numbers from 1000 on; the last does not tell its memory. */
  @SuppressWarnings("UnusedMethod") // found by its name
  private static int processes(MemorySegment device, MemorySegment count, MemorySegment list) {
    int room = count.get(JAVA_INT, 0);
    count.set(JAVA_INT, 0, 40);
    if (room < 40) {
      return INSUFFICIENT_SIZE;
    }
    for (long i = 0; i < 40; i++) {
      list.set(JAVA_INT, 24 * i, (int) (1000 + i));
      list.set(JAVA_LONG, 24 * i + 8, i == 39 ? -1 : 5_000_000_000L + i);
    }
    return device.address() == 7 ? 0 : UNKNOWN;
  }

  private static NvmlDevice device(MemorySegment handle) {
    MethodHandles.Lookup here = MethodHandles.lookup();
    Class<?> pointer = MemorySegment.class;
    MethodType two = MethodType.methodType(int.class, pointer, pointer);
    try {
      return new NvmlDevice(
          here.findStatic(NvmlDeviceTest.class, "memoryInfo", two),
          here.findStatic(NvmlDeviceTest.class, "processes", two.appendParameterTypes(pointer)),
          handle);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(e.getMessage(), e);
    }
  }

  @Test
  void memoryIsReadFromItsFields() {
    assertEquals(Optional.of(new NvmlDevice.Memory(100, 200, 300, 400)), device(HANDLE).memory());
  }

  @Test
  void processIsFoundAmongMoreThanThereWasRoomFor() {
    assertEquals(OptionalLong.of(5_000_000_038L), device(HANDLE).usedBy(1038));
    assertEquals(OptionalLong.empty(), device(HANDLE).usedBy(999));
  }

  @Test
  void whatNvmlDoesNotTellIsEmpty() {
    assertEquals(OptionalLong.empty(), device(HANDLE).usedBy(1039));
    assertEquals(Optional.empty(), device(MemorySegment.NULL).memory());
    assertEquals(OptionalLong.empty(), device(MemorySegment.NULL).usedBy(1000));
  }
}
