// copy_blocks.cu: copies KvBlocks of one layer.
//
// Math      block pairs[i, 1] = block pairs[i, 0]
// Shapes    kv [blocks, R, 2, block_size, Dh] elements, R the retained groups; pairs [count, 2]
//           int32
// Floor     8 R block_size Dh bytes a pair: read and written
// Launch    grid (count, 2 K), block 256: a block copies the keys or the values of one group,
//           16 bytes a thread at a time
// Requires  no block is the target of one pair and part of another: pairs go in any order

#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kThreads = 256;
constexpr int kElements = 8;  // of one 16-byte access

__global__ void __launch_bounds__(kThreads)
    copy_blocks(uint16_t *kv, int half_elements, const int32_t *pairs, const int32_t *units) {
  const int64_t halves = units == nullptr ? gridDim.y : 2 * units[0];
  if (blockIdx.y >= halves) return;
  const int32_t *pair = pairs + 2 * static_cast<int64_t>(blockIdx.x);
  const uint16_t *from = kv + (pair[0] * halves + blockIdx.y) * half_elements;
  uint16_t *to = kv + (pair[1] * halves + blockIdx.y) * half_elements;
  for (int i = threadIdx.x * kElements; i < half_elements; i += kThreads * kElements) {
    store(to + i, load<kElements>(from + i));
  }
}

}  // namespace

int rap_cuda_copy_blocks(void *stream, int type, void *kv, int groups, int head_size,
                         int block_size, const int32_t *pairs, int count, const int32_t *units) {
  const int64_t half_elements = static_cast<int64_t>(block_size) * head_size;
  if (count < 0 || groups < 1 || groups > 32767 || head_size < 1 || block_size < 1 ||
      half_elements % kElements != 0 || half_elements > INT32_MAX) {
    return RAP_CUDA_BAD_ARGUMENT;
  }
  // Elements are copied as they are: both types are 2 bytes.
  return for_element(type, [&](auto) -> int {
    if (count == 0) return RAP_CUDA_OK;
    copy_blocks<<<dim3(count, 2 * groups), kThreads, 0, to_stream(stream)>>>(
        static_cast<uint16_t *>(kv), half_elements, pairs, units);
    return cudaGetLastError();
  });
}
