package dev.rap.natives;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/**
 * Memory whose pages the operating system provides when they are first written, and takes back when
 * they are {@linkplain #release released}.
 *
 * <p>All bytes are zero at first, and again after a release. Where the system is not Linux the
 * memory is ordinary, and nothing is given back before {@link #close()}.
 */
public final class PageMemory implements AutoCloseable {
  // Linux: PROT_READ | PROT_WRITE; MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE; MADV_DONTNEED and
  // MADV_POPULATE_READ.
  private static final int READ_WRITE = 0x1 | 0x2;
  private static final int PRIVATE_ANONYMOUS_NORESERVE = 0x2 | 0x20 | 0x4000;
  private static final int DONT_NEED = 4;
  private static final int POPULATE_READ = 22; // from Linux 5.14 on
  private static final int SC_PAGESIZE = 30;
  private static final long MAP_FAILED = -1;

  private static final long MOST_PADDING = 64; // bytes between tensors; no tensor is so small

  private static final boolean LINUX = System.getProperty("os.name").equals("Linux");

  private final Arena arena = Arena.ofShared();
  private final MemorySegment segment;

  private PageMemory(long bytes) {
    this.segment = LINUX ? map(bytes) : arena.allocate(bytes, pageSize());
  }

  /**
   * {@return {@code bytes} bytes of address space, page-aligned}
   *
   * @throws OutOfMemoryError if the system does not let us have them
   */
  public static PageMemory reserve(long bytes) {
    if (bytes < 1) {
      throw new IllegalArgumentException("bytes must be positive, was " + bytes);
    }
    return new PageMemory(bytes);
  }

  /** {@return bytes of a page} */
  public static long pageSize() {
    return LINUX ? Linux.PAGE_SIZE : 4096;
  }

  /** {@return all of it; dies when this is closed} */
  public MemorySegment segment() {
    return segment;
  }

  /**
   * Gives the pages that lie wholly within {@code [offset, offset + bytes)} back to the system.
   * They read as zero from then on.
   *
   * @return how many bytes were given back
   */
  public long release(long offset, long bytes) {
    MemorySegment part = segment.asSlice(offset, bytes); // refuses what is outside
    long first = Math.ceilDiv(offset, pageSize()) * pageSize();
    long end = (offset + bytes) / pageSize() * pageSize();
    if (first >= end) {
      return 0;
    }
    MemorySegment pages = part.asSlice(first - offset, end - first);
    if (!LINUX) {
      pages.fill((byte) 0);
      return 0;
    }
    advise(pages, pages.byteSize(), DONT_NEED);
    return end - first;
  }

  private static void advise(MemorySegment pages, long bytes, int advice) {
    int status;
    try {
      status = (int) Linux.MADVISE.invokeExact(pages, bytes, advice);
    } catch (Throwable t) {
      throw unexpected(t);
    }
    if (status != 0) {
      throw new IllegalStateException("the system refused to take back pages");
    }
  }

  /**
   * Has the system map the pages of {@code mapped}, part of a file's mapping, which are about to be
   * read: at once, not one fault after the other. Where it cannot, nothing happens.
   */
  public static void populate(MemorySegment mapped) {
    if (!LINUX || !mapped.isNative() || mapped.byteSize() == 0) {
      return;
    }
    long lead = mapped.address() % pageSize();
    MemorySegment pages = MemorySegment.ofAddress(mapped.address() - lead);
    try {
      int _ = (int) Linux.MADVISE.invokeExact(pages, mapped.byteSize() + lead, POPULATE_READ);
    } catch (Throwable t) {
      throw unexpected(t);
    }
  }

  /** {@return whether pages of {@code mapped} can be forgotten: it is part of a file's mapping} */
  public static boolean canForget(MemorySegment mapped) {
    return LINUX && mapped.isMapped();
  }

  /**
   * Lets go of the pages that lie wholly within parts of a file's mapping, or within parts that
   * touch each other, alignment between them aside. What is read of them later comes from the file
   * again. The system may keep them in its cache; this process does not hold them.
   *
   * @throws IllegalArgumentException if one cannot be {@linkplain #canForget forgotten}
   */
  public static void forget(Collection<MemorySegment> mapped) {
    long first = 0;
    long end = 0;
    List<MemorySegment> sorted = new ArrayList<>(mapped);
    sorted.sort(Comparator.comparingLong(MemorySegment::address));
    for (MemorySegment part : sorted) {
      if (!canForget(part)) {
        throw new IllegalArgumentException("only pages of a file can be forgotten");
      }
      if (part.address() > end + MOST_PADDING) {
        forget(first, end);
        first = part.address();
      }
      end = Math.max(end, part.address() + part.byteSize());
    }
    forget(first, end);
  }

  private static void forget(long first, long end) {
    long firstPage = Math.ceilDiv(first, pageSize()) * pageSize();
    long bytes = end / pageSize() * pageSize() - firstPage;
    if (bytes > 0) {
      advise(MemorySegment.ofAddress(firstPage), bytes, DONT_NEED);
    }
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }

  @SuppressWarnings(
      "restricted") // the size is that of the mapping, which lives as long as the arena
  private MemorySegment map(long bytes) {
    MemorySegment address;
    try {
      address =
          (MemorySegment)
              Linux.MMAP.invokeExact(
                  MemorySegment.NULL, bytes, READ_WRITE, PRIVATE_ANONYMOUS_NORESERVE, -1, 0L);
    } catch (Throwable t) {
      throw unexpected(t);
    }
    if (address.address() == MAP_FAILED) {
      arena.close();
      throw new OutOfMemoryError("no address space for %,d bytes".formatted(bytes));
    }
    return address.reinterpret(bytes, arena, PageMemory::unmap);
  }

  private static void unmap(MemorySegment mapping) {
    int status;
    try {
      status = (int) Linux.MUNMAP.invokeExact(mapping, mapping.byteSize());
    } catch (Throwable t) {
      throw unexpected(t);
    }
    assert status == 0 : "munmap refused its own mapping";
  }

  private static RuntimeException unexpected(Throwable t) {
    if (t instanceof RuntimeException e) {
      return e;
    }
    if (t instanceof Error e) {
      throw e;
    }
    throw new AssertionError("a downcall threw a checked exception", t);
  }

  /** The C library's functions, linked when first needed. */
  private static final class Linux {
    static final MethodHandle MMAP =
        function(
            "mmap",
            FunctionDescriptor.of(
                ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    static final MethodHandle MADVISE =
        function("madvise", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    static final MethodHandle MUNMAP =
        function("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
    static final long PAGE_SIZE = systemPageSize();

    @SuppressWarnings("restricted") // POSIX functions with POSIX signatures
    private static MethodHandle function(String name, FunctionDescriptor descriptor) {
      Linker linker = Linker.nativeLinker();
      return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
    }

    private static long systemPageSize() {
      MethodHandle sysconf = function("sysconf", FunctionDescriptor.of(JAVA_LONG, JAVA_INT));
      try {
        return (long) sysconf.invokeExact(SC_PAGESIZE);
      } catch (Throwable t) {
        throw unexpected(t);
      }
    }
  }
}
