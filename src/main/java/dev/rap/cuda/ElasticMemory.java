package dev.rap.cuda;

/**
 * Device memory at addresses that stay, of which only a front part is there: pages are added at its
 * end and taken from it. What is added is undefined.
 *
 * <p>{@link #bytes()} are those of the addresses. Kernels may be given all of them, if what they
 * read and write is there.
 */
final class ElasticMemory extends DeviceMemory {
  private final PagePool pool;
  private final long[] pages; // the first `held` of them are there
  private int held;

  private ElasticMemory(PagePool pool, long address, int pages, MemoryOwner owner) {
    super(pool.device(), address, pages * pool.pageBytes(), owner);
    this.pool = pool;
    this.pages = new long[pages];
  }

  /** {@return addresses for {@code bytes} bytes, none of which is there yet} */
  static ElasticMemory reserve(PagePool pool, long bytes, MemoryOwner owner) {
    int pages = Math.max(1, pool.pagesFor(bytes));
    long address = pool.driver().reserve(pages * pool.pageBytes());
    return new ElasticMemory(pool, address, pages, owner);
  }

  /** {@return bytes that are there, from the first on} */
  long heldBytes() {
    return held * pool.pageBytes();
  }

  /** {@return pages that {@link #grow} would add} */
  int missing(long bytes) {
    return Math.max(0, pool.pagesFor(bytes) - held);
  }

  /** {@return pages that {@link #shrink} would give up} */
  int excess(long bytes) {
    return Math.max(0, held - pool.pagesFor(bytes));
  }

  /**
   * Makes the first {@code bytes} bytes be there.
   *
   * @throws DeviceOutOfMemoryException if the device has no room, or the driver cannot map it;
   *     nothing has changed then
   */
  void grow(long bytes) {
    int count = missing(bytes);
    if (count == 0) {
      return;
    }
    pool.take(pages, held, count);
    try {
      driver().map(address(heldBytes()), pages, held, count, pool.pageBytes());
    } catch (CudaException e) {
      pool.give(pages, held, count);
      throw e.contextLost() ? e : DeviceOutOfMemoryException.of(count * pool.pageBytes(), e);
    }
    held += count;
    device().handOver(MemoryOwner.SPARE, owner(), count * pool.pageBytes());
  }

  /**
   * Gives all but the pages of the first {@code bytes} bytes to the pool. The device must be done
   * with them.
   */
  void shrink(long bytes) {
    int kept = Math.min(held, pool.pagesFor(bytes));
    int count = held - kept;
    if (count == 0) {
      return;
    }
    driver().unmap(address(kept * pool.pageBytes()), count * pool.pageBytes());
    held = kept;
    device().handOver(owner(), MemoryOwner.SPARE, count * pool.pageBytes());
    pool.give(pages, kept, count);
  }

  /**
   * Does a piece of {@link #grow}; {@return whether pages were missing}
   *
   * @throws DeviceOutOfMemoryException if the device has no room; nothing has changed then
   */
  boolean growPiece(long bytes) {
    boolean isMissing = missing(bytes) > 0;
    grow(Math.min(bytes, heldBytes() + PagePool.PIECE * pool.pageBytes()));
    return isMissing;
  }

  /** Does a piece of {@link #shrink}; {@return whether there were pages to give back} */
  boolean shrinkPiece(long bytes) {
    boolean isExcess = excess(bytes) > 0;
    shrink(Math.max(bytes, heldBytes() - PagePool.PIECE * pool.pageBytes()));
    return isExcess;
  }

  @Override
  void release(CudaDriver driver) {
    if (held > 0) {
      driver.unmap(base(), heldBytes());
      device().handOver(owner(), MemoryOwner.SPARE, heldBytes());
      pool.give(pages, 0, held);
    }
    driver.unreserve(base(), bytes());
  }
}
