package dev.rap.cuda;

/** A point in the work of a stream. Before it is recorded it counts as reached. */
public final class CudaEvent extends DeviceResource {
  private final long handle;

  CudaEvent(CudaDevice device, long handle) {
    super(device);
    this.handle = handle;
  }

  long handle() {
    requireUsable();
    return handle;
  }

  /** Waits until all work before it is done. */
  public void await() {
    driver().await(handle);
  }

  /** {@return whether all work before it is done} */
  public boolean reached() {
    return driver().reached(handle);
  }

  /** {@return milliseconds that the device took from {@code begin} to here} */
  public float millisecondsSince(CudaEvent begin) {
    return driver().milliseconds(begin.handle(), handle);
  }

  @Override
  String kind() {
    return "CUDA event";
  }

  @Override
  void release(CudaDriver driver) {
    driver.closeEvent(handle);
  }
}
