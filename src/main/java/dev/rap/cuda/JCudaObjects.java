package dev.rap.cuda;

import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUstream;

/** JCuda's objects, which keep to themselves what the driver calls them. */
final class JCudaObjects {
  private JCudaObjects() {}

  static final class Stream extends CUstream {
    long handle() {
      return getNativePointer();
    }
  }

  static final class Event extends CUevent {
    long handle() {
      return getNativePointer();
    }
  }

  /** A graph as it was captured. */
  static final class Captured extends CUgraph {
    long handle() {
      return getNativePointer();
    }
  }

  /** An executable graph. */
  static final class Graph extends CUgraphExec {
    private final int kernels;

    Graph(int kernels) {
      this.kernels = kernels;
    }

    int kernels() {
      return kernels;
    }

    long handle() {
      return getNativePointer();
    }
  }

  /** Device memory, for calls that allocate and free it. */
  static final class DevicePointer extends CUdeviceptr {
    DevicePointer() {}

    DevicePointer(long address) {
      super(new CUdeviceptr(), address);
    }

    long address() {
      return getNativePointer() + getByteOffset();
    }
  }

  /** Memory by address, of host or device. */
  static final class AddressPointer extends Pointer {
    AddressPointer(long address) {
      super(address);
    }

    long address() {
      return getNativePointer();
    }
  }
}
