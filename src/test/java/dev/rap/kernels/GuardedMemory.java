package dev.rap.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Memory that ends where an unmapped page begins: whoever reads past the end ends the process. A
 * memory-mapped file ends like that too.
 */
final class GuardedMemory {
  private static final long PAGE = 4096;
  private static final MethodHandle MMAP =
      function(
          "mmap",
          FunctionDescriptor.of(
              ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle MPROTECT =
      function("mprotect", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
  private static final MethodHandle MUNMAP =
      function("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));

  private GuardedMemory() {}

  @SuppressWarnings("restricted") // the sizes are those of the mapping
  static MemorySegment allocate(Arena arena, long bytes) {
    long size = Math.ceilDiv(Math.max(bytes, 1), PAGE) * PAGE;
    try {
      // Linux: no access; MAP_PRIVATE | MAP_ANONYMOUS; then PROT_READ | PROT_WRITE.
      MemorySegment address =
          (MemorySegment) MMAP.invokeExact(MemorySegment.NULL, size + PAGE, 0, 0x2 | 0x20, -1, 0L);
      int status = (int) MPROTECT.invokeExact(address, size, 0x1 | 0x2);
      if (address.address() == -1 || status != 0) {
        throw new OutOfMemoryError("no guarded memory of %d bytes".formatted(bytes));
      }
      return address
          .reinterpret(size + PAGE, arena, GuardedMemory::unmap)
          .asSlice(size - bytes, bytes);
    } catch (Throwable t) {
      throw Team.unexpected(t);
    }
  }

  private static void unmap(MemorySegment mapping) {
    try {
      int _ = (int) MUNMAP.invokeExact(mapping, mapping.byteSize());
    } catch (Throwable t) {
      throw Team.unexpected(t);
    }
  }

  @SuppressWarnings("restricted") // POSIX functions with POSIX signatures
  private static MethodHandle function(String name, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
  }
}
