package dev.rap.cuda;

/** Bytes of the device, until they are closed. Their content is undefined at first. */
public final class DeviceMemory extends DeviceResource {
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
  public long bytes() {
    return bytes;
  }

  MemoryOwner owner() {
    return owner;
  }

  /** {@return where they begin, a multiple of 256} */
  long address() {
    requireUsable();
    return address;
  }

  /**
   * {@return the address of byte {@code offset}}
   *
   * @throws IndexOutOfBoundsException if there is none
   */
  long address(long offset) {
    return address(offset, 1);
  }

  /**
   * {@return the address of {@code count} bytes from {@code offset} on}
   *
   * @throws IndexOutOfBoundsException if they are not all there
   */
  long address(long offset, long count) {
    requireUsable();
    if (offset < 0 || count < 0 || offset > bytes - count) {
      throw new IndexOutOfBoundsException(
          "bytes [%d, %d + %d) are not within the %d of this memory"
              .formatted(offset, offset, count, bytes));
    }
    return address + offset;
  }

  @Override
  String kind() {
    return "device memory for " + owner.text();
  }

  @Override
  long byteSize() {
    return bytes;
  }

  @Override
  void release(CudaDriver driver) {
    device().free(this, address);
  }
}
