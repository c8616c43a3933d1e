package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Virtual memory of one device, page by page, through Panama: of the properties that JCuda 12.6
 * passes on, {@code cuMemCreate} says that they are invalid. All but the constructor return a
 * {@link CudaStatus}.
 */
final class CudaPages {
  // cuda.h: CUmemAllocationProp has type, requestedHandleTypes, location's type and id, a pointer
  // and 8 bytes of flags; CUmemAccessDesc has location's type and id, and flags.
  private static final int PROPERTIES_BYTES = 32;
  private static final int ACCESS_BYTES = 12;
  private static final int ALLOCATION_PINNED = 1;
  private static final int LOCATION_DEVICE = 1;
  private static final int READ_WRITE = 3;
  private static final int GRANULARITY_MINIMUM = 0;

  private final MemorySegment properties = Arena.ofAuto().allocate(PROPERTIES_BYTES, 8);
  private final MemorySegment access = Arena.ofAuto().allocate(ACCESS_BYTES, 8);
  private final MemorySegment result = Arena.ofAuto().allocate(JAVA_LONG);
  private final long granularity;

  /**
   * @param device its number
   */
  CudaPages(int device) {
    properties.set(JAVA_INT, 0, ALLOCATION_PINNED);
    properties.set(JAVA_INT, 8, LOCATION_DEVICE);
    properties.set(JAVA_INT, 12, device);
    access.set(JAVA_INT, 0, LOCATION_DEVICE);
    access.set(JAVA_INT, 4, device);
    access.set(JAVA_INT, 8, READ_WRITE);
    int status;
    try {
      status = (int) Functions.GRANULARITY.invokeExact(result, properties, GRANULARITY_MINIMUM);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
    if (status != CudaStatus.SUCCESS) {
      throw CudaStatus.failure("asking for the size of a page", status, JCudaProbe.textOf(status));
    }
    this.granularity = result.get(JAVA_LONG, 0);
  }

  /** {@return the least that the driver makes, 2 MiB on all GPUs so far} */
  long granularity() {
    return granularity;
  }

  /** {@return what {@link #reserve} or {@link #create} made} */
  long result() {
    return result.get(JAVA_LONG, 0);
  }

  int reserve(long size) {
    try {
      return (int) Functions.RESERVE.invokeExact(result, size, 0L, 0L, 0L);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  int unreserve(long address, long size) {
    try {
      return (int) Functions.UNRESERVE.invokeExact(address, size);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  int create(long bytes) {
    try {
      return (int) Functions.CREATE.invokeExact(result, bytes, properties, 0L);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  int release(long page) {
    try {
      return (int) Functions.RELEASE.invokeExact(page);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  int map(long address, long page, long bytes) {
    try {
      return (int) Functions.MAP.invokeExact(address, bytes, 0L, page, 0L);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  int unmap(long address, long size) {
    try {
      return (int) Functions.UNMAP.invokeExact(address, size);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  /** Lets the device read and write what is mapped there. */
  int allow(long address, long size) {
    try {
      return (int) Functions.ALLOW.invokeExact(address, size, access, 1L);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  /** The functions, linked when first needed. */
  private static final class Functions {
    static final MethodHandle GRANULARITY =
        LibCuda.link("cuMemGetAllocationGranularity", ADDRESS, ADDRESS, JAVA_INT);
    static final MethodHandle RESERVE =
        LibCuda.link("cuMemAddressReserve", ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    static final MethodHandle UNRESERVE = LibCuda.link("cuMemAddressFree", JAVA_LONG, JAVA_LONG);
    static final MethodHandle CREATE =
        LibCuda.link("cuMemCreate", ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG);
    static final MethodHandle RELEASE = LibCuda.link("cuMemRelease", JAVA_LONG);
    static final MethodHandle MAP =
        LibCuda.link("cuMemMap", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    static final MethodHandle UNMAP = LibCuda.link("cuMemUnmap", JAVA_LONG, JAVA_LONG);
    static final MethodHandle ALLOW =
        LibCuda.link("cuMemSetAccess", JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG);
  }
}
