package dev.rap.cuda;

/** Work that was captured from a stream, to be launched again and again as one. */
public final class CudaGraph extends DeviceResource {
  private final long handle;
  private final int kernels;

  CudaGraph(CudaDevice device, long handle, int kernels) {
    super(device);
    this.handle = handle;
    this.kernels = kernels;
  }

  long handle() {
    requireUsable();
    return handle;
  }

  /** {@return how many kernels a launch runs} */
  public int kernels() {
    return kernels;
  }

  @Override
  String kind() {
    return "CUDA graph";
  }

  @Override
  void release(CudaDriver driver) {
    driver.closeGraph(handle);
  }
}
