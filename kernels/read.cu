// read.cu: reads memory and does nothing else, the ceiling of all kernels that are bound by it.
//
// Math      none
// Source    none
// Shapes    x [bytes / 16] pieces of 16 bytes, sink one
// Floor     bytes
// Launch    as many blocks of 256 as are resident at once, each thread strides over x with
//           kUnroll loads under way
// Aliasing  none

#include <cuda_runtime.h>
#include <stdint.h>

#include "launch.cuh"
#include "rap_cuda.h"

namespace {

constexpr int kThreads = 256;
constexpr int kBlocks = 6;  // of a multiprocessor
constexpr int kUnroll = 4;

__device__ uint4 load_stream(const uint4 *from) {
  uint4 v;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(from));
  return v;
}

__device__ uint32_t mixed(uint4 v) { return v.x ^ v.y ^ v.z ^ v.w; }

__global__ void __launch_bounds__(kThreads, kBlocks)
    read_kernel(const uint4 *x, int64_t pieces, uint4 *sink) {
  rap::wait_for_previous();
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  uint32_t all = 0;
  int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  for (; i + (kUnroll - 1) * stride < pieces; i += kUnroll * stride) {
    uint4 values[kUnroll];
#pragma unroll
    for (int n = 0; n < kUnroll; n++) values[n] = load_stream(x + i + n * stride);
#pragma unroll
    for (int n = 0; n < kUnroll; n++) all ^= mixed(values[n]);
  }
  for (; i < pieces; i += stride) all ^= mixed(load_stream(x + i));
  // Hardly ever, but the compiler cannot know.
  if (all == 0x9e3779b9u) *sink = make_uint4(all, all, all, all);
}

}  // namespace

int rap_cuda_read(void *stream, const void *x, int64_t bytes, void *sink) {
  if (bytes < 0 || bytes % 16 != 0) return RAP_CUDA_BAD_ARGUMENT;
  const int processors = rap::multiprocessors();
  if (processors < 0) return -processors;
  return rap::enqueue<read_kernel>(stream, dim3(processors * kBlocks), kThreads, 0,
                                   static_cast<const uint4 *>(x), bytes / 16,
                                   static_cast<uint4 *>(sink));
}
