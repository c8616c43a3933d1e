// scalar.cuh: what the element-wise kernels share: elements as floats, pieces of several values
// that move at once, sums over a block.
#ifndef RAP_SCALAR_CUH
#define RAP_SCALAR_CUH

#include <cuda_runtime.h>
#include <stdint.h>

#include "element.cuh"
#include "rap_cuda.h"

namespace rap {

constexpr int kWarp = 32;
constexpr int kMaxBlock = 1024;

// N values that are read or written by one instruction. Pointers are 16-byte aligned, no more.
template <typename T, int N>
struct alignas(sizeof(T) * N) Piece {
  static_assert(sizeof(T) * N <= 16);
  T value[N];
};

template <int N, typename T>
__device__ Piece<T, N> load(const T *from) {
  return *reinterpret_cast<const Piece<T, N> *>(from);
}

template <int N, typename T>
__device__ void store(T *to, const Piece<T, N> &piece) {
  *reinterpret_cast<Piece<T, N> *>(to) = piece;
}

inline __device__ float to_float(__half x) { return __half2float(x); }
inline __device__ float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }

// A sum over the warp, the same bits in every lane.
template <typename T>
__device__ T warp_sum(T x) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    x += __shfl_xor_sync(0xffffffffu, x, offset);
  }
  return x;
}

// A sum over a block of whole warps, the same bits in every thread. Once a kernel for each T.
template <typename T>
__device__ T block_sum(T x) {
  __shared__ T warp_sums[kWarp];
  const int lane = threadIdx.x % kWarp;
  x = warp_sum(x);
  if (lane == 0) warp_sums[threadIdx.x / kWarp] = x;
  __syncthreads();
  return warp_sum(lane < blockDim.x / kWarp ? warp_sums[lane] : T(0));
}

__host__ __device__ constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Whether a grid may have so many blocks along x.
constexpr bool fits_grid(int64_t blocks) { return blocks <= INT32_MAX; }

inline cudaStream_t to_stream(void *stream) { return static_cast<cudaStream_t>(stream); }

}  // namespace rap

#endif
