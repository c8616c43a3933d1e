package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/** A matrix on the device and on the host, whose rows are wider than its columns need. */
final class HostMatrix implements AutoCloseable {
  private static final int PADDING = 3;

  private final Element type;
  private final boolean isF32;
  private final int rows;
  private final int columns;
  private final PinnedMemory host;
  private final MemorySegment segment;
  private final DeviceMemory memory;

  HostMatrix(CudaDevice device, Element type, boolean isF32, int rows, int columns) {
    this.type = type;
    this.isF32 = isF32;
    this.rows = rows;
    this.columns = columns;
    long bytes = rows * stride() * (isF32 ? Float.BYTES : Element.BYTES);
    this.host = device.newPinned(bytes);
    this.segment = host.segment();
    this.memory = device.allocate(bytes, MemoryOwner.WORKSPACE);
  }

  long stride() {
    return (long) columns + PADDING;
  }

  boolean isF32() {
    return isF32;
  }

  long address() {
    return memory.address();
  }

  /** Small integers and halves of them, which every type holds. */
  void fill(SplittableRandom random) {
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < columns; c++) {
        set(r, c, (random.nextInt(17) - 8) / 2f);
      }
    }
  }

  /** Sets what lies between the rows. */
  void pad(float value) {
    for (int r = 0; r < rows; r++) {
      for (int c = columns; c < stride(); c++) {
        set(r, c, value);
      }
    }
  }

  private void set(int row, int column, float value) {
    long index = row * stride() + column;
    if (isF32) {
      segment.setAtIndex(JAVA_FLOAT, index, value);
    } else {
      short bits =
          type == Element.F16
              ? Float.floatToFloat16(value)
              : (short) (Float.floatToIntBits(value) >> 16);
      segment.setAtIndex(JAVA_SHORT, index, bits);
    }
  }

  float at(int row, int column) {
    long index = row * stride() + column;
    if (isF32) {
      return segment.getAtIndex(JAVA_FLOAT, index);
    }
    short bits = segment.getAtIndex(JAVA_SHORT, index);
    return type == Element.F16 ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16);
  }

  void upload(CudaStream stream) {
    stream.upload(memory, 0, segment, segment.byteSize());
  }

  void download(CudaStream stream) {
    stream.download(segment, memory, 0, segment.byteSize());
  }

  @Override
  public void close() {
    memory.close();
    host.close();
  }
}
