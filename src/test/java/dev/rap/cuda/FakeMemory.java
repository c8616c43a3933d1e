package dev.rap.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Host memory that stands for the device's, or for pinned memory: allocations by address. */
final class FakeMemory {
  private static final long ALIGNMENT = 512;

  private final String kind;
  private final TreeMap<Long, Block> blocks = new TreeMap<>();

  FakeMemory(String kind) {
    this.kind = kind;
  }

  private static final class Block {
    final Arena arena = Arena.ofShared();
    final MemorySegment memory;

    Block(long bytes) {
      this.memory = arena.allocate(bytes, ALIGNMENT);
    }
  }

  MemorySegment allocate(long bytes) {
    Block block = new Block(bytes);
    blocks.put(block.memory.address(), block);
    return block.memory;
  }

  void free(long address) {
    Block block = blocks.remove(address);
    if (block == null) {
      throw new AssertionError("there is no %s at 0x%x".formatted(kind, address));
    }
    block.arena.close();
  }

  /** {@return bytes that must lie within one allocation} */
  MemorySegment at(long address, long bytes) {
    Map.Entry<Long, Block> below = blocks.floorEntry(address);
    if (below == null || address - below.getKey() + bytes > below.getValue().memory.byteSize()) {
      throw new AssertionError(
          "0x%x + %d is not within an allocation of %s".formatted(address, bytes, kind));
    }
    return below.getValue().memory.asSlice(address - below.getKey(), bytes);
  }

  long bytes() {
    return blocks.values().stream().mapToLong(block -> block.memory.byteSize()).sum();
  }

  /** {@return what has not been freed, such as {@code device memory of 512}} */
  List<String> leaks() {
    return blocks.values().stream()
        .map(block -> "%s of %d".formatted(kind, block.memory.byteSize()))
        .toList();
  }
}
