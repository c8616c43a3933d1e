// accumulate.cu: the product with the transpose of a matrix, added to the residual stream, for few
// tokens.
//
// Math      y[t, d] += addend[d] + sum over retained r of x[t, r] * w[r, d]
// Source    none
// Shapes    y [T, D] F32, x [T, x_stride], w [rows, D] elements, addend [D] F32; T <= 64
// Layout    weights by unit row, rows consecutive; x_stride a multiple of 8
// Types     products of elements, sums in F32
// Floor     the bytes of the retained rows, each read once
// Launch    grid (D / columns, splits), block 256. A block has 64 or 128 columns and one run of
//           the retained tiles of 16 rows, its groups of warps take these in turn. Weights are
//           transposed on their way from shared memory to the tensor cores.
// Shared    the ring, afterwards the sums of the groups
// Scratch   a counter for each block column, then F32 [splits, T, D]: the last block of a column to
//           arrive adds the sums of all in the order of the splits, and leaves the counter zero
// Aliasing  none
// Oracle    dev.rap.cuda.ProductOracle

#include <algorithm>

#include "element.cuh"
#include "launch.cuh"
#include "mma.cuh"
#include "product.cuh"
#include "rap_cuda.h"
#include "units.cuh"

namespace {

using namespace rap;

constexpr int kRingBytes = 108 << 10;  // two blocks fit a multiprocessor
constexpr int kMaxSplits = 8;
constexpr int kBlocks = 2;   // of a multiprocessor
constexpr int kTrigger = 8;  // tiles still to be copied when the next kernel may start
constexpr int kMinColumns = 64;  // of a block

template <int kTiles_, int kEights_, int kGroup_>
struct Shape {
  static constexpr int kTiles = kTiles_;    // of 16 columns, of a warp
  static constexpr int kEights = kEights_;  // of 8 tokens
  static constexpr int kGroup = kGroup_;    // warps
  static constexpr int kParts = kWarps / kGroup;
  static constexpr int kGroupThreads = 32 * kGroup;
  static constexpr int kColumns = kGroup * kTiles * 16;  // of a block
  static constexpr int kRowPieces = kColumns / 8;        // of 16 bytes
  static constexpr int kWeightPieces = kTileRows * kRowPieces;  // of a group
  static constexpr int kActivationPieces = kEights * kEight * 2;
  static constexpr int kStagePieces = kWeightPieces + kActivationPieces;  // of a group
  static constexpr int kStages = kRingBytes / (16 * kParts * kStagePieces);
  static constexpr int kRingPieces = kStages * kParts * kStagePieces;
  static constexpr int kSumStride = kColumns + 4;  // so that lanes write to all banks
  static constexpr int kSumBytes = kParts * kEights * kEight * kSumStride * 4;
  static constexpr int kSharedBytes = kRingPieces * 16 > kSumBytes ? kRingPieces * 16 : kSumBytes;
};

template <typename E>
struct Task {
  float *y;
  const E *x;
  int64_t x_stride;
  int tokens;
  const E *w;
  int rows;
  int d;
  Units units;
  const float *addend;
  unsigned *counters;
  float *partials;
};

// Where a thread stands.
template <typename S>
struct Place {
  const int lane = threadIdx.x % 32;
  const int warp = threadIdx.x / 32;
  const int member = warp % S::kGroup;                       // of the group
  const int part = warp / S::kGroup;                         // of the tiles
  const int group_thread = threadIdx.x % S::kGroupThreads;
  const int first_column = blockIdx.x * S::kColumns;         // of the block
};

// Of the 8 pieces of 128 bytes, which one has piece 0 of this row of a tile. The eight rows that
// load_transposed reads at once are those with the same bit 1: they differ here.
__device__ int swizzle(int row) { return (row >> 1 & 6) | (row & 1); }

// Copies 16 rows of the block's columns.
template <typename E, typename S>
__device__ void copy_weights(uint4 *stage, const Task<E> &task, int row, const Place<S> &place) {
  constexpr int kCopies = S::kWeightPieces / S::kGroupThreads;
  constexpr int kCopyRows = S::kGroupThreads / S::kRowPieces;
  const int piece = place.group_thread % S::kRowPieces;
  const int tile_row = place.group_thread / S::kRowPieces;
  const int column = place.first_column + piece * 8;
  if (column >= task.d) return;
  const E *from = task.w + static_cast<int64_t>(row + tile_row) * task.d + column;
#pragma unroll
  for (int i = 0; i < kCopies; i++) {
    const int to = tile_row + i * kCopyRows;
    stream_async(stage + to * S::kRowPieces + (piece ^ swizzle(to)),
                 from + static_cast<int64_t>(i * kCopyRows) * task.d);
  }
}

// Copies what 16 rows are multiplied by: [8 * kEights tokens, 16].
template <typename E, typename S>
__device__ void copy_activations(uint4 *stage, const Task<E> &task, int row,
                                 const Place<S> &place) {
#pragma unroll
  for (int i = place.group_thread; i < S::kActivationPieces; i += S::kGroupThreads) {
    const int token = i / 2;
    if (token >= task.tokens) break;
    copy_async(stage + S::kWeightPieces + i, task.x + token * task.x_stride + row + i % 2 * 8);
  }
}

// Tokens that are not there are zeros.
template <typename S>
__device__ void clear_activations(uint4 *stage, int tokens, const Place<S> &place) {
  for (int i = place.group_thread; i < S::kActivationPieces; i += S::kGroupThreads) {
    if (i / 2 >= tokens) stage[S::kWeightPieces + i] = uint4{};
  }
}

// k is permuted: k 2j, 2j + 1, 2j + 8 and 2j + 9 of the mma are rows 4j to 4j + 3 of the tile, so
// that a lane has its part of the activations in 8 consecutive bytes.
template <typename E, typename S>
__device__ void multiply_stage(float (&sums)[S::kTiles][S::kEights][4], const uint4 *stage,
                               const Place<S> &place) {
  const int matrix = place.lane / 8;  // columns + 8 * (matrix % 2), k + 8 * (matrix / 2)
  const int row = place.lane % 8 / 2 * 4 + place.lane % 2 + matrix / 2 * 2;
  const uint32_t w = shared_address(stage) + row * S::kRowPieces * 16;
  const uint2 *x = reinterpret_cast<const uint2 *>(stage + S::kWeightPieces) + place.lane;
  uint2 b[S::kEights];
#pragma unroll
  for (int n = 0; n < S::kEights; n++) b[n] = x[n * 32];
#pragma unroll
  for (int m = 0; m < S::kTiles; m++) {
    const int piece = (place.member * S::kTiles + m) * 2 + matrix % 2;
    uint32_t a[4];
    load_transposed(a, w + (piece ^ swizzle(row)) * 16);
#pragma unroll
    for (int n = 0; n < S::kEights; n++) {
      multiply<E>(sums[m][n], a[0], a[1], a[2], a[3], b[n].x, b[n].y);
    }
  }
}

// Hands a warp's sums to the block: [kParts, 8 * kEights tokens, kSumStride].
template <typename S>
__device__ void hand_over(float *group_sums, const float (&sums)[S::kTiles][S::kEights][4],
                          const Place<S> &place) {
  float *of = group_sums + place.part * S::kEights * kEight * S::kSumStride +
              place.lane % 4 * 2 * S::kSumStride + place.member * S::kTiles * 16 + place.lane / 4;
#pragma unroll
  for (int m = 0; m < S::kTiles; m++) {
#pragma unroll
    for (int n = 0; n < S::kEights; n++) {
      float *to = of + n * kEight * S::kSumStride + m * 16;
      to[0] = sums[m][n][0];
      to[S::kSumStride] = sums[m][n][1];
      to[8] = sums[m][n][2];
      to[S::kSumStride + 8] = sums[m][n][3];
    }
  }
}

__device__ float4 operator+(float4 a, float4 b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w};
}

template <typename E>
__device__ void add_to_y(const Task<E> &task, int token, int column, float4 sum) {
  float4 *y = reinterpret_cast<float4 *>(task.y + static_cast<int64_t>(token) * task.d + column);
  if (task.addend != nullptr) {
    sum = sum + *reinterpret_cast<const float4 *>(task.addend + column);
  }
  *y = *y + sum;
}

// Calls use(token, column) for each 4 columns of the block that this thread owns.
template <typename S, typename Use>
__device__ void for_owned(int tokens, int d, const Place<S> &place, Use use) {
  constexpr int kQuads = S::kColumns / 4;
  for (int i = threadIdx.x; i < tokens * kQuads; i += kThreads) {
    const int column = i % kQuads * 4;
    if (place.first_column + column < d) use(i / kQuads, column);
  }
}

// Whether this is the last block of its column to come here. It sees what all have written.
__device__ bool arrive_last(unsigned *counter) {
  __shared__ bool last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) last = atomicInc(counter, gridDim.y - 1) == gridDim.y - 1;
  __syncthreads();
  __threadfence();
  return last;
}

template <typename E, typename S>
__device__ void add_groups(const Task<E> &task, const float *group_sums, const Place<S> &place) {
  const int64_t split_size = static_cast<int64_t>(task.tokens) * task.d;
  for_owned(task.tokens, task.d, place, [&](int token, int column) {
    float4 sum{};
#pragma unroll
    for (int part = 0; part < S::kParts; part++) {
      sum = sum + *reinterpret_cast<const float4 *>(
                      group_sums + (part * S::kEights * kEight + token) * S::kSumStride + column);
    }
    const int to = place.first_column + column;
    if (gridDim.y == 1) {
      add_to_y(task, token, to, sum);
    } else {
      __stcg(reinterpret_cast<float4 *>(task.partials + blockIdx.y * split_size +
                                        static_cast<int64_t>(token) * task.d + to),
             sum);
    }
  });
  if (gridDim.y == 1 || !arrive_last(task.counters + blockIdx.x)) return;
  for_owned(task.tokens, task.d, place, [&](int token, int column) {
    const int at = place.first_column + column;
    const float *from = task.partials + static_cast<int64_t>(token) * task.d + at;
    float4 sum{};
    for (int split = 0; split < gridDim.y; split++) {
      sum = sum + __ldcg(reinterpret_cast<const float4 *>(from + split * split_size));
    }
    add_to_y(task, token, at, sum);
  });
}

template <typename E, typename S>
__global__ void __launch_bounds__(kThreads, kBlocks)
    accumulate_kernel(const __grid_constant__ Task<E> task) {
  extern __shared__ uint4 shared[];
  const Place<S> place;
  uint4 *ring = shared + place.part * S::kStages * S::kStagePieces;  // [kStages, kStagePieces]
  const int tiles = task.units.tiles(task.rows);
  const int begin = static_cast<int64_t>(tiles) * blockIdx.y / gridDim.y;
  const int end = static_cast<int64_t>(tiles) * (blockIdx.y + 1) / gridDim.y;

  const auto row_of = [&](int tile) { return tile < end ? task.units.first_row(tile) : -1; };
  int next = begin + place.part;  // tile to be copied
  int rows[S::kStages - 1];
#pragma unroll
  for (int stage = 0; stage < S::kStages - 1; stage++) {
    rows[stage] = row_of(next);
    next += S::kParts;
  }
#pragma unroll
  for (int stage = 0; stage < S::kStages - 1; stage++) {
    if (rows[stage] >= 0) {
      copy_weights<E, S>(ring + stage * S::kStagePieces, task, rows[stage], place);
    }
  }
  for (int stage = 0; stage < S::kStages; stage++) {
    clear_activations<S>(ring + stage * S::kStagePieces, task.tokens, place);
  }
  int next_row = row_of(next);
  if (next + (kTrigger - 1) * S::kParts >= end) let_next_start();
  wait_for_previous();
#pragma unroll
  for (int stage = 0; stage < S::kStages - 1; stage++) {
    if (rows[stage] >= 0) {
      copy_activations<E, S>(ring + stage * S::kStagePieces, task, rows[stage], place);
    }
    commit();
  }

  float sums[S::kTiles][S::kEights][4] = {};
  int stage = 0;
  for (int tile = begin + place.part; tile < end; tile += S::kParts) {
    wait_for_copies<S::kStages - 2>();
    group_barrier<S::kGroup>(place.part);
    const int row = next_row;
    next += S::kParts;
    next_row = row_of(next);
    if (row >= 0) {
      uint4 *free = ring + (stage == 0 ? S::kStages - 1 : stage - 1) * S::kStagePieces;
      copy_weights<E, S>(free, task, row, place);
      copy_activations<E, S>(free, task, row, place);
    }
    commit();
    if (next + (kTrigger - 1) * S::kParts >= end) let_next_start();
    multiply_stage<E, S>(sums, ring + stage * S::kStagePieces, place);
    stage = stage == S::kStages - 1 ? 0 : stage + 1;
  }
  const int last_tiles = (end - begin) % S::kParts;  // groups that had one tile more
  if (S::kGroup > 1 && last_tiles != 0 && place.part >= last_tiles) {
    group_barrier<S::kGroup>(place.part);  // as often as the others, see there
  }
  wait_for_copies<0>();
  __syncthreads();  // the ring is free
  float *group_sums = reinterpret_cast<float *>(shared);
  hand_over<S>(group_sums, sums, place);
  __syncthreads();
  add_groups<E, S>(task, group_sums, place);
}

// Splits of the rows, so that the blocks fill the device.
int splits_for(int columns, int d, int processors) {
  const int across = ceil_of(d, columns);
  return std::clamp(processors * kBlocks / across, 1, kMaxSplits);
}

// Bytes of the counters, which come first.
int64_t counter_bytes(int d) { return ceil_of(d / kMinColumns * 4, 16) * int64_t{16}; }

template <typename E, typename S>
int launch(void *stream, Task<E> task, void *scratch) {
  const int processors = multiprocessors();
  if (processors < 0) return -processors;
  const int splits = splits_for(S::kColumns, task.d, processors);
  task.counters = static_cast<unsigned *>(scratch);
  task.partials = reinterpret_cast<float *>(static_cast<char *>(scratch) + counter_bytes(task.d));
  const dim3 grid(ceil_of(task.d, S::kColumns), splits);
  return enqueue<accumulate_kernel<E, S>>(stream, grid, kThreads, S::kSharedBytes, task);
}

}  // namespace

int64_t rap_cuda_accumulate_scratch(int tokens, int d) {
  return counter_bytes(d) + int64_t{kMaxSplits} * tokens * d * 4;
}

int rap_cuda_accumulate(void *stream, int type, float *y, const void *x, int64_t x_stride,
                        int tokens, const void *w, int rows, int d, const int32_t *units,
                        int unit_rows, const float *addend, void *scratch) {
  if (!fits(x_stride, tokens, rows, d, units, unit_rows) || rows % kTileRows != 0) {
    return RAP_CUDA_BAD_ARGUMENT;
  }
  return for_element(type, [&](auto zero) {
    using E = decltype(zero);
    const Task<E> task{y,
                       static_cast<const E *>(x),
                       x_stride,
                       tokens,
                       static_cast<const E *>(w),
                       rows,
                       d,
                       {units, unit_rows / kTileRows},
                       addend,
                       nullptr,
                       nullptr};
    const int eights = ceil_of(tokens, kEight);
    if (tokens == 1) return launch<E, Shape<4, 1, 1>>(stream, task, scratch);
    if (eights == 1) return launch<E, Shape<4, 1, 2>>(stream, task, scratch);
    if (eights == 2) return launch<E, Shape<4, 2, 2>>(stream, task, scratch);
    if (eights <= 4) return launch<E, Shape<4, 4, 2>>(stream, task, scratch);
    return launch<E, Shape<2, 8, 4>>(stream, task, scratch);
  });
}
