// pick_groups.cu: head groups of KvBlocks in another layout.
//
// Math      y[b, i] = x[b, ranks[i]]
// Source    none
// Shapes    y [blocks, y_groups, 2, block_size, Dh], x [blocks, x_groups, 2, block_size, Dh]
//           elements; ranks [y_groups] int32
// Layout    rap_cuda.h. A head group of a KvBlock is contiguous: block_size * Dh / 4 pieces of 16
//           bytes
// Types     elements are copied as they are: both types are 2 bytes
// Floor     8 block_size Dh bytes a block and group that is picked: read and written
// Launch    grid (pieces of a group in all blocks / 1024, y_groups), block 256: neighbouring
//           threads have neighbouring pieces, each kUnroll of them, 256 apart
// Requires  fewer than 2^31 pieces of a group in all blocks
// Aliasing  none
// Pair      oracle dev.rap.cuda.ElementwiseOracle

#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kThreads = 256;
constexpr int kUnroll = 4;

__global__ void __launch_bounds__(kThreads)
    pick_groups(uint4 *y, int y_groups, const uint4 *x, int x_groups, const int32_t *ranks,
                uint32_t group_pieces, uint32_t pieces) {
  const int group = blockIdx.y;
  const int rank = ranks[group];
  if (rank < 0) return;
  const uint32_t first = blockIdx.x * (kThreads * kUnroll) + threadIdx.x;
  uint4 picked[kUnroll];
  int64_t to[kUnroll];
#pragma unroll
  for (int n = 0; n < kUnroll; n++) {
    const uint32_t piece = first + n * kThreads;
    if (piece >= pieces) break;
    const int64_t block = piece / group_pieces;
    const uint32_t within = piece % group_pieces;
    picked[n] = __ldcs(x + (block * x_groups + rank) * group_pieces + within);
    to[n] = (block * y_groups + group) * group_pieces + within;
  }
#pragma unroll
  for (int n = 0; n < kUnroll; n++) {
    if (first + n * kThreads < pieces) y[to[n]] = picked[n];
  }
}

}  // namespace

int rap_cuda_pick_groups(void *stream, int type, void *y, int y_groups, const void *x,
                         int x_groups, const int32_t *ranks, int blocks, int head_size,
                         int block_size) {
  const int64_t half_elements = static_cast<int64_t>(block_size) * head_size;
  if (y_groups < 0 || y_groups > 65535 || x_groups < 0 || blocks < 0 || head_size < 1 ||
      block_size < 1 || half_elements > INT32_MAX || half_elements % 4 != 0 ||
      half_elements / 4 * blocks > INT32_MAX) {
    return RAP_CUDA_BAD_ARGUMENT;
  }
  return for_element(type, [&](auto) -> int {
    if (y_groups == 0 || blocks == 0) return RAP_CUDA_OK;
    const int64_t pieces = half_elements / 4 * blocks;
    const dim3 grid(ceil_div(pieces, kThreads * kUnroll), y_groups);
    pick_groups<<<grid, kThreads, 0, to_stream(stream)>>>(
        static_cast<uint4 *>(y), y_groups, static_cast<const uint4 *>(x), x_groups, ranks,
        half_elements / 4, pieces);
    return cudaGetLastError();
  });
}
