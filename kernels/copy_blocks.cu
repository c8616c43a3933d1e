// copy_blocks.cu: copies blocks of an array: KvBlocks of a layer, or units of a matrix.
//
// Math      block pairs[i, 1] = block pairs[i, 0]
// Shapes    x [blocks, block_bytes]; pairs [count, 2] int32
// Floor     2 block_bytes a pair: read and written
// Launch    grid (count, block_bytes / 16 KiB), block 256: a block of threads copies 16 KiB, four
//           16-byte accesses a thread on their way at once
// Requires  no block is the target of one pair and part of another: pairs go in any order

#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kThreads = 256;
constexpr int kAccesses = 4;  // of a thread
constexpr int64_t kChunk = kThreads * kAccesses * sizeof(uint4);
constexpr int64_t kMostChunks = 65535;  // of a grid

__global__ void __launch_bounds__(kThreads)
    copy_blocks(char *x, int64_t block_bytes, const int32_t *pairs) {
  const int32_t *pair = pairs + 2 * static_cast<int64_t>(blockIdx.x);
  const char *from = x + pair[0] * block_bytes;
  char *to = x + pair[1] * block_bytes;
  for (int64_t at = blockIdx.y * kChunk; at < block_bytes; at += gridDim.y * kChunk) {
    uint4 values[kAccesses];
#pragma unroll
    for (int i = 0; i < kAccesses; i++) {
      const int64_t byte = at + (i * kThreads + threadIdx.x) * sizeof(uint4);
      if (byte < block_bytes) values[i] = *reinterpret_cast<const uint4 *>(from + byte);
    }
#pragma unroll
    for (int i = 0; i < kAccesses; i++) {
      const int64_t byte = at + (i * kThreads + threadIdx.x) * sizeof(uint4);
      if (byte < block_bytes) *reinterpret_cast<uint4 *>(to + byte) = values[i];
    }
  }
}

}  // namespace

int rap_cuda_copy_blocks(void *stream, void *x, int64_t block_bytes, const int32_t *pairs,
                         int count) {
  if (count < 0 || block_bytes < 0 || block_bytes % sizeof(uint4) != 0) {
    return RAP_CUDA_BAD_ARGUMENT;
  }
  if (count == 0 || block_bytes == 0) return RAP_CUDA_OK;
  const int64_t chunks = (block_bytes + kChunk - 1) / kChunk;
  const dim3 grid(count, chunks < kMostChunks ? chunks : kMostChunks);
  copy_blocks<<<grid, kThreads, 0, to_stream(stream)>>>(static_cast<char *>(x), block_bytes, pairs);
  return cudaGetLastError();
}
