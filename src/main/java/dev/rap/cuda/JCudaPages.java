package dev.rap.cuda;

import java.util.HashMap;
import java.util.Map;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUmemAccessDesc;
import jcuda.driver.CUmemAccess_flags;
import jcuda.driver.CUmemAllocationGranularity_flags;
import jcuda.driver.CUmemAllocationProp;
import jcuda.driver.CUmemAllocationType;
import jcuda.driver.CUmemLocation;
import jcuda.driver.CUmemLocationType;
import jcuda.driver.JCudaDriver;

/** Physical memory of one device through JCuda, page by page. Returns the driver's statuses. */
final class JCudaPages {
  private final CUmemAllocationProp properties = new CUmemAllocationProp();
  private final CUmemAccessDesc[] access;
  private final long bytes;
  private final Map<Long, JCudaObjects.Page> pages = new HashMap<>();

  private JCudaPages(CUmemLocation location) {
    this.properties.type = CUmemAllocationType.CU_MEM_ALLOCATION_TYPE_PINNED;
    this.properties.location = location;
    this.access =
        new CUmemAccessDesc[] {
          new CUmemAccessDesc(location, CUmemAccess_flags.CU_MEM_ACCESS_FLAGS_PROT_READWRITE)
        };
    long[] granularity = new long[1];
    int status =
        JCudaDriver.cuMemGetAllocationGranularity(
            granularity,
            properties,
            CUmemAllocationGranularity_flags.CU_MEM_ALLOC_GRANULARITY_MINIMUM);
    if (status != CudaStatus.SUCCESS) {
      throw CudaStatus.failure("asking for the size of a page", status, JCudaProbe.textOf(status));
    }
    this.bytes = granularity[0];
  }

  /** {@return the pages of the device of this number} */
  static JCudaPages of(int device) {
    return new JCudaPages(new CUmemLocation(CUmemLocationType.CU_MEM_LOCATION_TYPE_DEVICE, device));
  }

  /** {@return of a page: the least that the driver makes, 2 MiB on all GPUs so far} */
  long bytes() {
    return bytes;
  }

  int create(JCudaObjects.Page page) {
    return JCudaDriver.cuMemCreate(page, bytes, properties, 0);
  }

  void put(JCudaObjects.Page page) {
    pages.put(page.handle(), page);
  }

  JCudaObjects.Page remove(long page) {
    JCudaObjects.Page removed = pages.remove(page);
    if (removed == null) {
      throw new IllegalStateException("there is no page 0x%x".formatted(page));
    }
    return removed;
  }

  int map(long address, long page) {
    return JCudaDriver.cuMemMap(pointer(address), bytes, 0, pages.get(page), 0);
  }

  /** Lets the device read and write what is mapped there. */
  int allow(long address, int count) {
    return JCudaDriver.cuMemSetAccess(pointer(address), count * bytes, access, access.length);
  }

  private static CUdeviceptr pointer(long address) {
    return new JCudaObjects.DevicePointer(address);
  }
}
