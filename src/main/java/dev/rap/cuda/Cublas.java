package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jcuda.Pointer;
import jcuda.cudaDataType;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasGemmAlgo;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasOperation;
import jcuda.jcublas.cublasStatus;
import jcuda.runtime.cudaStream_t;

/**
 * cuBLAS through JCublas, which does not throw: each status is looked at here.
 *
 * <p>cuBLAS stores matrices by column. A matrix {@code [rows, columns]} of ours is to it the
 * transposed one, so y = x · wᵀ is asked for as yᵀ = w · xᵀ.
 *
 * <p>It works in memory of ours, so that products may be captured into CUDA graphs. That memory
 * serves one stream at a time.
 */
final class Cublas implements CudaBlas {
  /** What NVIDIA recommends for Hopper; older GPUs need less. */
  private static final long WORKSPACE_BYTES = 32 << 20;

  // As a cudaDataType, for that is what JCublas hands on: with a cublasComputeType_t the product is
  // refused.
  private static final int SUMS = cudaDataType.CUDA_R_32F;

  private static final int RECENT = 512;

  private final CudaDevice device;
  private final JCudaCalls driver;
  private final String description;
  private final DeviceMemory workspace;
  private final cublasHandle handle = new cublasHandle();
  private final MemorySegment factors = Arena.ofAuto().allocate(JAVA_FLOAT, 2);
  private final Pointer alpha = new JCudaObjects.AddressPointer(factors.address());
  private final Pointer beta = new JCudaObjects.AddressPointer(factors.address() + Float.BYTES);
  private final JCudaObjects.AddressPointer[] recent = new JCudaObjects.AddressPointer[RECENT];
  private long stream;

  /**
   * @throws CudaException if cuBLAS does not start
   */
  Cublas(CudaDevice device, CublasLibrary.Loaded library) {
    this.device = device;
    this.driver = (JCudaCalls) device.driver(); // whose streams JCublas understands
    check(JCublas2.cublasCreate(handle), "cuBLAS does not start");
    try {
      this.description = describe(library);
      this.workspace = device.allocate(WORKSPACE_BYTES, MemoryOwner.WORKSPACE);
    } catch (CudaException e) {
      JCublas2.cublasDestroy(handle);
      throw e;
    }
    factors.setAtIndex(JAVA_FLOAT, 0, 1);
  }

  private String describe(CublasLibrary.Loaded library) {
    int[] version = new int[1];
    check(JCublas2.cublasGetVersion(handle, version), "cuBLAS does not tell its version");
    return "cuBLAS %d.%d.%d%s, %s"
        .formatted(
            version[0] / 10_000,
            version[0] / 100 % 100,
            version[0] % 100,
            library.isTranslated() ? " through JCublas 12" : "",
            library.path());
  }

  @Override
  public void product(
      long stream,
      Element type,
      long y,
      long yStride,
      boolean yF32,
      long x,
      long xStride,
      int tokens,
      long w,
      long wStride,
      boolean byInput,
      int outputs,
      int inputs,
      float beta) {
    use(stream);
    int stored = stored(type);
    factors.setAtIndex(JAVA_FLOAT, 1, beta);
    int status =
        JCublas2.cublasGemmEx(
            handle,
            byInput ? cublasOperation.CUBLAS_OP_N : cublasOperation.CUBLAS_OP_T,
            cublasOperation.CUBLAS_OP_N,
            outputs,
            tokens,
            inputs,
            alpha,
            pointer(w),
            stored,
            Math.toIntExact(wStride),
            pointer(x),
            stored,
            Math.toIntExact(xStride),
            this.beta,
            pointer(y),
            yF32 ? cudaDataType.CUDA_R_32F : stored,
            Math.toIntExact(yStride),
            SUMS,
            cublasGemmAlgo.CUBLAS_GEMM_DEFAULT);
    if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
      throw failure(
          status,
          "cuBLAS refused a product of [%d, %d] and %d outputs".formatted(tokens, inputs, outputs));
    }
  }

  private static int stored(Element type) {
    return switch (type) {
      case F16 -> cudaDataType.CUDA_R_16F;
      case BF16 -> cudaDataType.CUDA_R_16BF;
    };
  }

  private void use(long stream) {
    if (stream == this.stream) {
      return;
    }
    check(
        JCublas2.cublasSetStream(handle, new cudaStream_t(driver.stream(stream))),
        "cuBLAS does not take a stream");
    // A change of the stream makes cuBLAS go back to memory of its own.
    check(
        JCublas2.cublasSetWorkspace(
            handle, new JCudaObjects.AddressPointer(workspace.address()), WORKSPACE_BYTES),
        "cuBLAS does not take a workspace");
    this.stream = stream;
  }

  // Weights and activations stay where they are, so their objects need not be made at each step.
  private Pointer pointer(long address) {
    int index = (int) (((address >>> 8) * 0x9E3779B97F4A7C15L) >>> 55);
    JCudaObjects.AddressPointer pointer = recent[index];
    if (pointer == null || pointer.address() != address) {
      pointer = new JCudaObjects.AddressPointer(address);
      recent[index] = pointer;
    }
    return pointer;
  }

  @Override
  public String description() {
    return description;
  }

  @Override
  public void close() {
    int status = JCublas2.cublasDestroy(handle);
    workspace.close();
    if (status != cublasStatus.CUBLAS_STATUS_SUCCESS && !device.contextLost()) {
      throw failure(status, "cuBLAS does not stop");
    }
  }

  private void check(int status, String what) {
    if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
      throw failure(status, what);
    }
  }

  private CudaException failure(int status, String what) {
    device.memoryInfo(); // after a fault the driver says what it was, and cuBLAS does not
    return new CudaException(what + ": " + cublasStatus.stringFor(status));
  }
}
