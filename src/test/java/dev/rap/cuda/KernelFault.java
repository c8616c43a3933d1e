package dev.rap.cuda;

/** A program in which a kernel writes where there is no memory. It prints what comes of that. */
final class KernelFault {
  private KernelFault() {}

  static void main() {
    CudaDevice device = CudaDevice.open(RealGpu.driver());
    CudaStream stream = device.newStream();
    Cublas blas = new Cublas(device, RealGpu.cublas());
    DeviceMemory x = device.allocate(1 << 20, MemoryOwner.WORKSPACE);
    try {
      multiply(blas, stream, 1 << 20, x.address());
      stream.synchronize();
    } catch (CudaException e) {
      System.out.println(e.contextLost() + " " + e.getMessage());
    }
    try {
      multiply(blas, stream, x.address(), x.address());
      stream.synchronize();
    } catch (CudaException e) {
      System.out.println(e.contextLost() + " " + e.getMessage());
    }
    System.out.println(device.contextLost());
    blas.close();
    x.close();
    device.close(); // quiet, though more is left
    System.out.println("closed");
  }

  private static void multiply(Cublas blas, CudaStream stream, long y, long x) {
    blas.product(stream.handle(), Element.F16, y, 64, false, x, 64, 64, x, 64, false, 64, 64, 0);
  }
}
