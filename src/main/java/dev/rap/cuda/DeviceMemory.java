package dev.rap.cuda;

/** Bytes of the device, until they are closed. Their content is undefined at first. */
public sealed class DeviceMemory extends DeviceResource permits ElasticMemory {
  private final long address;
  private final long bytes;
  private final MemoryOwner owner;

  DeviceMemory(CudaDevice device, long address, long bytes, MemoryOwner owner) {
    super(device);
    this.address = address;
    this.bytes = bytes;
    this.owner = owner;
  }

  /** {@return how many there are} */
  public final long bytes() {
    return bytes;
  }

  final MemoryOwner owner() {
    return owner;
  }

  /** {@return where they begin, a multiple of 256} */
  final long address() {
    requireUsable();
    return address;
  }

  /** {@return {@link #address()}, for giving them back} */
  final long base() {
    return address;
  }

  /**
   * {@return the address of byte {@code offset}}
   *
   * @throws IndexOutOfBoundsException if there is none
   */
  final long address(long offset) {
    return address(offset, 1);
  }

  /**
   * {@return the address of {@code count} bytes from {@code offset} on}
   *
   * @throws IndexOutOfBoundsException if they are not all there
   */
  final long address(long offset, long count) {
    requireUsable();
    if (offset < 0 || count < 0 || offset > bytes - count) {
      throw new IndexOutOfBoundsException(
          "bytes [%d, %d + %d) are not within the %d of this memory"
              .formatted(offset, offset, count, bytes));
    }
    return address + offset;
  }

  @Override
  final String kind() {
    return "device memory for " + owner.text();
  }

  @Override
  final long byteSize() {
    return bytes;
  }

  @Override
  void release(CudaDriver driver) {
    device().free(this, address);
  }
}
