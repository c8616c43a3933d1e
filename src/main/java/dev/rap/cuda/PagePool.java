package dev.rap.cuda;

import java.util.Arrays;

/**
 * Physical memory of the device in pages of one size: those that lie ready, and the making of more.
 * All {@link ElasticMemory} takes its pages here and gives them back here, so that what one
 * sublayer gives up another, the KV cache or another process can have.
 */
final class PagePool extends DeviceResource {
  /** Pages that one piece of work maps or unmaps: each takes some 40 us. */
  static final int PIECE = 8;

  // Each page costs the driver the same, large or small (on an H100 some 75 us to make and map, 65
  // to
  // unmap and give back), and half a page a matrix is lost on average. Of 2.06 GiB in channel
  // blocks
  // of all layers of an 8B model, pages of 2, 4 and 8 MiB gave back 2.06, 1.88 and 1.50 GiB in 70,
  // 38
  // and 18 ms.
  private static final int MATRIX_PAGES = 24;
  private static final int MOST_GRANULES = 8;

  private final long pageBytes;
  private long[] spare = new long[64]; // a stack
  private int spares;
  private int pages; // that exist, spare ones included

  /**
   * @param pageBytes a multiple of the driver's granularity
   */
  PagePool(CudaDevice device, long pageBytes) {
    super(device);
    this.pageBytes = pageBytes;
  }

  /** {@return the bytes of pages that suit a model whose largest matrix has {@code bytes} bytes} */
  static long pageBytes(CudaDevice device, long bytes) {
    long granularity = device.driver().pageGranularity();
    long pages = Math.clamp(bytes / (MATRIX_PAGES * granularity), 1, MOST_GRANULES);
    return Long.highestOneBit(pages) * granularity;
  }

  long pageBytes() {
    return pageBytes;
  }

  /** {@return pages that hold {@code bytes} bytes} */
  int pagesFor(long bytes) {
    return Math.toIntExact(Math.ceilDiv(bytes, pageBytes));
  }

  /** {@return pages that there are, spare ones included} */
  int pages() {
    return pages;
  }

  /** {@return pages that lie ready} */
  int spares() {
    return spares;
  }

  /**
   * Takes pages: those that lie ready, and new ones. They count as spare until their owner has
   * mapped them.
   *
   * @param into gets them, from {@code first} on
   * @throws DeviceOutOfMemoryException if the device has no room; none was taken then, though some
   *     may lie ready that did not before
   */
  void take(long[] into, int first, int count) {
    while (spares < count) {
      make();
    }
    spares -= count;
    System.arraycopy(spare, spares, into, first, count);
  }

  private void make() {
    CudaDevice device = device();
    device.ledger().beginChange();
    try {
      long page = driver().newPage(pageBytes);
      pages++;
      push(page);
      device.ledger().add(MemoryOwner.SPARE, pageBytes);
    } finally {
      device.ledger().endChange();
    }
  }

  private void push(long page) {
    if (spares == spare.length) {
      spare = Arrays.copyOf(spare, 2 * spares);
    }
    spare[spares++] = page;
  }

  /** Takes pages back, which are not mapped any more and count as spare. */
  void give(long[] from, int first, int count) {
    for (int i = 0; i < count; i++) {
      push(from[first + i]);
    }
  }

  /** Gives up to {@code count} pages that lie ready back to the device. */
  void release(int count) {
    CudaDriver driver = driver();
    for (int i = Math.min(count, spares); i > 0; i--) {
      releaseOne(driver);
    }
  }

  private void releaseOne(CudaDriver driver) {
    device().ledger().beginChange();
    try {
      driver.closePage(spare[spares - 1]);
      spares--;
      pages--;
      device().ledger().add(MemoryOwner.SPARE, -pageBytes);
    } finally {
      device().ledger().endChange();
    }
  }

  @Override
  String kind() {
    return "pool of device memory";
  }

  @Override
  void release(CudaDriver driver) {
    while (spares > 0) {
      releaseOne(driver);
    }
  }
}
