package dev.rap.cuda;

import dev.rap.natives.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Kernels with memory to run on: those of the GPU, or their oracles. What one is filled with, the
 * other is too.
 */
final class KernelBed implements AutoCloseable {
  private static final byte POISON = 0x7b; // as an element, a float or an int: large, and no NaN

  private final CudaDevice device;
  private final CudaStream stream;
  private final CudaKernels kernels;
  private final List<DeviceMemory> allocated = new ArrayList<>();
  private final List<PinnedMemory> pinned = new ArrayList<>();
  private final Arena arena = Arena.ofConfined();

  private KernelBed(CudaDriver driver, CudaKernels kernels) {
    this.device = CudaDevice.open(driver);
    this.stream = device.newStream();
    this.kernels = kernels;
  }

  static KernelBed gpu() {
    NativeLibrary.Loaded library = (NativeLibrary.Loaded) NativeLibrary.cuda();
    return new KernelBed(RealGpu.driver(), new NativeCudaKernels(library.symbols()));
  }

  static KernelBed oracle() {
    FakeDriver driver = new FakeDriver();
    return new KernelBed(driver, new OracleKernels(driver));
  }

  CudaKernels kernels() {
    return kernels;
  }

  long stream() {
    return stream.handle();
  }

  private DeviceMemory allocate(long bytes) {
    DeviceMemory memory = device.allocate(bytes, MemoryOwner.WORKSPACE);
    allocated.add(memory);
    return memory;
  }

  /** {@return page-locked host memory that holds 0, 1, 2, ...} */
  MemorySegment pinned(int ints) {
    PinnedMemory memory = device.newPinned((long) ints * Integer.BYTES);
    pinned.add(memory);
    for (int i = 0; i < ints; i++) {
      memory.segment().setAtIndex(ValueLayout.JAVA_INT, i, i);
    }
    return memory.segment();
  }

  private DeviceMemory filled(MemorySegment host) {
    DeviceMemory memory = allocate(host.byteSize());
    stream.upload(memory, 0, host, host.byteSize());
    return memory;
  }

  /** {@return elements, normally distributed} */
  DeviceMemory elements(Element type, long count, double deviation, long seed) {
    Random random = new Random(seed);
    MemorySegment host = arena.allocate(count * Element.BYTES, 16);
    for (long i = 0; i < count; i++) {
      Elements.put(type, host, i, deviation * random.nextGaussian());
    }
    return filled(host);
  }

  /** {@return F32, normally distributed} */
  DeviceMemory floats(long count, long seed) {
    Random random = new Random(seed);
    float[] values = new float[Math.toIntExact(count)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return floats(values);
  }

  DeviceMemory floats(float... values) {
    return filled(arena.allocateFrom(ValueLayout.JAVA_FLOAT, values));
  }

  DeviceMemory ints(int... values) {
    return filled(arena.allocateFrom(ValueLayout.JAVA_INT, values));
  }

  DeviceMemory bytes(byte... values) {
    return filled(arena.allocateFrom(ValueLayout.JAVA_BYTE, values));
  }

  DeviceMemory zeros(long bytes) {
    DeviceMemory memory = allocate(bytes);
    stream.fill(memory, 0, (byte) 0, bytes);
    return memory;
  }

  /** {@return memory in which nothing that a kernel leaves alone looks like a result} */
  DeviceMemory poisoned(long bytes) {
    DeviceMemory memory = allocate(bytes);
    stream.fill(memory, 0, POISON, bytes);
    return memory;
  }

  private MemorySegment host(DeviceMemory memory) {
    MemorySegment host = arena.allocate(memory.bytes(), 16);
    stream.download(host, memory, 0, memory.bytes());
    stream.synchronize();
    return host;
  }

  double[] elements(Element type, DeviceMemory memory) {
    float[] elements = Elements.get(type, host(memory));
    double[] values = new double[elements.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = elements[i];
    }
    return values;
  }

  double[] floats(DeviceMemory memory) {
    float[] floats = host(memory).toArray(ValueLayout.JAVA_FLOAT);
    double[] values = new double[floats.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = floats[i];
    }
    return values;
  }

  double[] doubles(DeviceMemory memory) {
    return host(memory).toArray(ValueLayout.JAVA_DOUBLE);
  }

  double[] ints(DeviceMemory memory) {
    int[] ints = host(memory).toArray(ValueLayout.JAVA_INT);
    double[] values = new double[ints.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = ints[i];
    }
    return values;
  }

  @Override
  public void close() {
    allocated.forEach(DeviceMemory::close);
    pinned.forEach(PinnedMemory::close);
    stream.close();
    device.close();
    arena.close();
  }
}
