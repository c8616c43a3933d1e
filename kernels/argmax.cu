// argmax.cu: the first index of the greatest logit of each row.
//
// Math      y[i] = min { v : logits[i, v] >= logits[i, w] for all w }; NaN is less than -inf
// Shapes    y [rows] int32, logits [rows, V] F32
// Floor     4 V bytes a row, read
// Launch    y is zeroed, then grid (rows, V / 8192), block 512: a block finds the best of its part
//           of a row and offers it to y. Offers are taken if they are better by value, then by
//           index, which is a total order: the outcome does not depend on who comes first

#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kThreads = 512;
constexpr int kPart = 8192;  // logits of a block

// A logit and where it is, such that the greatest is the better: ordered bits, then ~index.
__device__ uint64_t ranked(float logit, int index) {
  const uint32_t bits = __float_as_uint(logit + 0.0f);  // -0 becomes 0, with which it ties
  const uint32_t ordered = bits ^ (bits >> 31 != 0 ? 0xffffffffu : 0x80000000u);
  const uint32_t key = isnan(logit) ? 0 : ordered;  // -inf is 0x007fffff
  return static_cast<uint64_t>(key) << 32 | ~static_cast<uint32_t>(index);
}

__device__ int index_of(uint64_t rank) { return static_cast<int>(~static_cast<uint32_t>(rank)); }

// The greatest of the block, in its first thread.
__device__ uint64_t block_best(uint64_t best) {
  __shared__ uint64_t warp_bests[kThreads / kWarp];
  const int lane = threadIdx.x % kWarp;
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    best = max(best, __shfl_xor_sync(0xffffffffu, best, offset));
  }
  if (lane == 0) warp_bests[threadIdx.x / kWarp] = best;
  __syncthreads();
  best = lane < kThreads / kWarp ? warp_bests[lane] : 0;
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    best = max(best, __shfl_xor_sync(0xffffffffu, best, offset));
  }
  return best;
}

// Puts index_of(best) into y, unless what is there is better.
__device__ void offer(int32_t *y, const float *row, uint64_t best) {
  int32_t seen = *static_cast<volatile int32_t *>(y);
  while (best > ranked(row[seen], seen)) {
    const int32_t there = atomicCAS(y, seen, index_of(best));
    if (there == seen) return;
    seen = there;
  }
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    argmax(int32_t *y, const float *logits, int vocabulary) {
  const float *row = logits + static_cast<int64_t>(blockIdx.x) * vocabulary;  // [V]
  const int64_t begin = static_cast<int64_t>(blockIdx.y) * kPart;
  uint64_t best = 0;
#pragma unroll
  for (int k = 0; k < kPart / (kThreads * kWidth); k++) {
    const int64_t index = begin + (k * kThreads + threadIdx.x) * kWidth;
    if (index >= vocabulary) continue;
    const auto in = load<kWidth>(row + index);
    for (int i = 0; i < kWidth; i++) best = max(best, ranked(in.value[i], index + i));
  }
  best = block_best(best);
  if (threadIdx.x == 0) offer(y + blockIdx.x, row, best);
}

}  // namespace

int rap_cuda_argmax(void *stream, int32_t *y, const float *logits, int rows, int vocabulary) {
  const int64_t parts = ceil_div(vocabulary, kPart);
  if (rows < 0 || vocabulary < 1 || parts > 65535) return RAP_CUDA_BAD_ARGUMENT;
  if (rows == 0) return RAP_CUDA_OK;
  const cudaError_t zeroed = cudaMemsetAsync(y, 0, rows * sizeof *y, to_stream(stream));
  if (zeroed != cudaSuccess) return zeroed;
  const auto kernel = vocabulary % 4 == 0 ? argmax<4> : argmax<1>;
  kernel<<<dim3(rows, parts), kThreads, 0, to_stream(stream)>>>(y, logits, vocabulary);
  return cudaGetLastError();
}
