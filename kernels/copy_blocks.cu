// copy_blocks.cu: copies KvBlocks of one layer.
//
// Math      block pairs[i, 1] = block pairs[i, 0], keys and values of every head group
// Shapes    keys, values [K, slots, Dh] elements; a KvBlock is block_size * Dh consecutive elements
//           of each group; pairs [count, 2] int32
// Floor     8 K block_size Dh bytes a pair: read and written
// Launch    grid (count, 2 K), block 256: a block copies the keys or the values of one group,
//           16 bytes a thread at a time
// Requires  no block is the target of one pair and part of another: pairs go in any order

#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kThreads = 256;
constexpr int kElements = 8;  // of one 16-byte access

__global__ void __launch_bounds__(kThreads)
    copy_blocks(uint16_t *keys, uint16_t *values, int64_t group_stride, int block_elements,
                const int32_t *pairs) {
  uint16_t *cache = (blockIdx.y % 2 == 0 ? keys : values) + blockIdx.y / 2 * group_stride;
  const int32_t *pair = pairs + 2 * static_cast<int64_t>(blockIdx.x);
  const uint16_t *from = cache + static_cast<int64_t>(pair[0]) * block_elements;
  uint16_t *to = cache + static_cast<int64_t>(pair[1]) * block_elements;
  for (int i = threadIdx.x * kElements; i < block_elements; i += kThreads * kElements) {
    store(to + i, load<kElements>(from + i));
  }
}

}  // namespace

int rap_cuda_copy_blocks(void *stream, int type, void *keys, void *values, int64_t group_stride,
                         int groups, int head_size, int block_size, const int32_t *pairs,
                         int count) {
  const int64_t block_elements = static_cast<int64_t>(block_size) * head_size;
  if (count < 0 || groups < 1 || groups > 32767 || head_size < 1 || block_size < 1 ||
      block_elements % kElements != 0 || block_elements > INT32_MAX) {
    return RAP_CUDA_BAD_ARGUMENT;
  }
  // Elements are copied as they are: both types are 2 bytes.
  return for_element(type, [&](auto) -> int {
    if (count == 0) return RAP_CUDA_OK;
    copy_blocks<<<dim3(count, 2 * groups), kThreads, 0, to_stream(stream)>>>(
        static_cast<uint16_t *>(keys), static_cast<uint16_t *>(values), group_stride,
        block_elements, pairs);
    return cudaGetLastError();
  });
}
