// fetch.cu: brings a little page-locked host memory to the device, past the copy engine: what a
// step needs does not wait there behind weights that come back.
//
// Math      y = x
// Shapes    x, y [bytes / 16] pieces of 16 bytes, x in host memory
// Floor     bytes over PCIe
// Launch    up to kMostBlocks blocks of 256, each thread strides over x
// Aliasing  none

#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kThreads = 256;
constexpr int kMostBlocks = 128;

__global__ void __launch_bounds__(kThreads) fetch(uint4 *y, const uint4 *x, int64_t pieces) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < pieces;
       i += stride) {
    y[i] = __ldcv(x + i);  // the host has written it since the last step
  }
}

}  // namespace

int rap_cuda_fetch(void *stream, void *y, const void *x, int64_t bytes) {
  if (bytes < 0 || bytes % sizeof(uint4) != 0) return RAP_CUDA_BAD_ARGUMENT;
  if (bytes == 0) return RAP_CUDA_OK;
  const int64_t blocks = (bytes / sizeof(uint4) + kThreads - 1) / kThreads;
  fetch<<<blocks < kMostBlocks ? blocks : kMostBlocks, kThreads, 0, to_stream(stream)>>>(
      static_cast<uint4 *>(y), static_cast<const uint4 *>(x), bytes / sizeof(uint4));
  return cudaGetLastError();
}
