package dev.rap.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Page-locked host memory, which the device copies to and from without the processor. */
public final class PinnedMemory extends DeviceResource {
  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory;
  private final MemorySegment segment;

  @SuppressWarnings("restricted") // the same bytes, but dead once this is closed
  PinnedMemory(CudaDevice device, MemorySegment memory) {
    super(device);
    this.memory = memory;
    this.segment = memory.reinterpret(arena, null);
  }

  /** {@return all of it, for any thread; dies when this is closed} */
  public MemorySegment segment() {
    requireUsable();
    return segment;
  }

  @Override
  String kind() {
    return "pinned memory";
  }

  @Override
  long byteSize() {
    return memory.byteSize();
  }

  @Override
  void release(CudaDriver driver) {
    arena.close();
    driver.freePinned(memory);
  }
}
