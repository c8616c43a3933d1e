// library.cu: what the library says of itself, and whether a device can run it.

#include <cuda_runtime.h>

#include "rap_cuda.h"

#ifndef RAP_CUDA_TARGETS // scripts/build-cuda.sh sets it
#define RAP_CUDA_TARGETS "unknown targets"
#endif

#define RAP_TEXT_OF(x) #x
#define RAP_TEXT(x) RAP_TEXT_OF(x)
#define RAP_NVCC RAP_TEXT(__CUDACC_VER_MAJOR__) "." RAP_TEXT(__CUDACC_VER_MINOR__)

namespace {

__global__ void probe() {}

// The runtime's own text speaks of an insufficient version where there is no driver at all.
const char *driver_text() {
  int version = 0;
  if (cudaDriverGetVersion(&version) == cudaSuccess && version > 0) {
    return "the NVIDIA driver is too old for CUDA " RAP_NVCC ": update it";
  }
  return "there is no NVIDIA driver: install one";
}

} // namespace

extern "C" int rap_cuda_abi_version(void) { return RAP_CUDA_ABI_VERSION; }

extern "C" const char *rap_cuda_build_info(void) {
  return "nvcc " RAP_NVCC "." RAP_TEXT(__CUDACC_VER_BUILD__) ", " RAP_CUDA_TARGETS;
}

extern "C" const char *rap_cuda_error_text(int status) {
  switch (status) {
    case RAP_CUDA_OK: return "no error";
    case RAP_CUDA_BAD_ARGUMENT: return "bad argument";
    case cudaErrorInsufficientDriver: return driver_text();
    case cudaErrorNoKernelImageForDevice:
      return "the library has no kernels for this GPU, it was built for " RAP_CUDA_TARGETS;
    default: return cudaGetErrorString((cudaError_t)status);
  }
}

// Every file is compiled for the same architectures, so one kernel answers for all.
extern "C" int rap_cuda_prepare(void) {
  cudaFuncAttributes attributes;
  cudaError_t status = cudaFuncGetAttributes(&attributes, probe);
  // Taken back, or the next launch would be blamed for it.
  (void)cudaGetLastError();
  return status;
}
