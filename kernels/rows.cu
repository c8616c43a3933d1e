// rows.cu: products with the rows of a matrix for few tokens, plain and gated.
//
// Math      rows        y[t, r] = x[t, :] . w[r, :]
//           gated_rows  y[t, r] = silu(gate[r, :] . x[t, :] + gate_bias[r])
//                                 * (up[r, :] . x[t, :] + up_bias[r])
// Source    Shazeer 2020, arXiv:2002.05202, SwiGLU
// Shapes    x [T, x_stride], y [T, y_stride] elements or F32, w, gate, up [rows, D]; T <= 64;
//           gate_bias, up_bias [rows] F32
// Layout    weights by unit row, rows consecutive; x_stride a multiple of 8
// Types     products of elements, sums in F32, rounded once (gated: clamped to finite elements)
// Floor     the bytes of the retained rows, each read once
// Launch    block 256; persistent blocks take tiles of kGroup * kTiles * 16 weight rows in turn.
//           The warps of a group have 16 * kTiles rows each, the groups divide D. A lane copies
//           and reads the same 16 bytes, so weights need no barrier: of rows g and g + 8 of a tile
//           those at k = 8j of a chunk of 32 (lane 4 * g + j). x is permuted likewise, so each 16
//           bytes are the fragments of two mma.
// Shared    the ring, and the sums of the groups
// Aliasing  none
// Oracle    dev.rap.cuda.ProductOracle

#include "element.cuh"
#include "launch.cuh"
#include "mma.cuh"
#include "product.cuh"
#include "rap_cuda.h"
#include "units.cuh"

namespace {

using namespace rap;

constexpr int kChunk = 32;                        // elements of D in a stage of a group
constexpr int kPieces = 32;                       // 16-byte pieces of 8 rows (or tokens) of a chunk
constexpr int kBlocks = 2;                        // of a multiprocessor
constexpr int kRingBytes = 100 << 10;             // so that they fit
constexpr int kTrigger = 8;  // stages still to be copied when the next kernel may start
constexpr int kFewRows = 4096;  // which more blocks of fewer rows spread better

template <int kTiles_, int kEights_, bool kGated_>
struct Shape {
  static constexpr int kTiles = kTiles_;                      // of 16 weight rows, of a warp
  static constexpr int kEights = kEights_;                    // of 8 tokens
  static constexpr bool kGated = kGated_;
  static constexpr int kPlanes = kGated ? 2 : 1;              // matrices
  static constexpr int kGroup = kEights < 4 ? 1 : kEights / 2;  // warps
  static constexpr int kParts = kWarps / kGroup;
  static constexpr int kRowTiles = kTiles / kPlanes;          // of 16 rows of y, of a warp
  static constexpr int kBlockTiles = kGroup * kRowTiles;
  static constexpr int kOwnEights = kEights / kGroup;         // of x, that a warp copies
  static constexpr int kWeightPieces = kWarps * kTiles * 2 * kPieces;
  static constexpr int kStagePieces = kWeightPieces + kParts * kEights * kPieces;
  static constexpr int kStages = kRingBytes / (16 * kStagePieces);
  // Sums of the groups for kPassEights of tokens and one tile of each warp of a group.
  static constexpr int kPassEights = kGated || kEights == 1 ? 1 : 2;
  static constexpr int kPassTokens = kEight * kPassEights;
  static constexpr int kPassRows = kTileRows * kGroup;
  static constexpr int kSumStride = kPassRows + 4;            // so that lanes write to all banks
  static constexpr int kPlaneSums = kParts * kPassTokens * kSumStride;
  static constexpr int kSharedBytes = kStages * kStagePieces * 16 + kPlanes * kPlaneSums * 4;
};

template <typename E>
struct Task {
  void *y;
  int64_t y_stride;
  bool y_f32;
  const E *x;
  int64_t x_stride;
  int tokens;
  const E *w[2];         // the matrix, or gate and up
  const float *bias[2];  // of gate and up, or NULL
  int rows;
  int d;
  Units units;
};

// Where a thread stands.
template <typename S>
struct Place {
  const int lane = threadIdx.x % 32;
  const int warp = threadIdx.x / 32;
  const int member = warp % S::kGroup;  // of the group
  const int part = warp / S::kGroup;    // of D
};

// Copies the weights of a warp, stage after stage, tile after tile.
template <typename E, typename S>
class WeightCopies {
 public:
  __device__ WeightCopies(const Task<E> &task, int tiles, int chunks, const Place<S> &place)
      : task_(task), tiles_(tiles), chunks_(chunks), place_(place), tile_(blockIdx.x) {
    const int block_tiles = ceil_of(tiles, S::kBlockTiles);
    const int mine = tile_ < block_tiles ? ceil_of(block_tiles - tile_, gridDim.x) : 0;
    left_ = mine * chunks;
    if (left_ > 0) locate();
  }

  // Stages still to be copied.
  __device__ int left() const { return left_; }

  __device__ void copy(uint4 *stage) {
    if (left_ == 0) return;
    uint4 *to = stage + place_.warp * S::kTiles * 2 * kPieces + place_.lane;
    for (int m = 0; m < S::kTiles; m++) {
      if (from_[m] == nullptr) continue;
      stream_async(to + m * 2 * kPieces, from_[m]);
      stream_async(to + (m * 2 + 1) * kPieces, from_[m] + to_high_[m]);
      from_[m] += S::kParts * kChunk;
    }
    left_--;
    if (++chunk_ == chunks_) {
      chunk_ = 0;
      tile_ += gridDim.x;
      if (left_ > 0) locate();
    }
  }

 private:
  __device__ void locate() {
    const int k = place_.part * kChunk + place_.lane % 4 * 8;
    for (int m = 0; m < S::kTiles; m++) {
      const int tile = tile_ * S::kBlockTiles + place_.member * S::kRowTiles + m % S::kRowTiles;
      const bool retained = tile < tiles_;
      const int first = retained ? task_.units.first_row(tile) : 0;
      // Past the last row the last one again: nothing is stored of it.
      const int row = min(first + place_.lane / 4, task_.rows - 1);
      const E *w = task_.w[m / S::kRowTiles];
      from_[m] = retained ? w + static_cast<int64_t>(row) * task_.d + k : nullptr;
      to_high_[m] = min(8, task_.rows - 1 - row) * task_.d;
    }
  }

  const Task<E> &task_;
  const int tiles_;
  const int chunks_;
  const Place<S> &place_;
  int tile_;       // of the block
  int chunk_ = 0;  // of the warp's
  int left_;
  const E *from_[S::kTiles];    // row g
  int to_high_[S::kTiles];      // from there to row g + 8
};

// Copies the activations of a group, which begin again with each tile.
template <typename E, typename S>
class ActivationCopies {
 public:
  __device__ ActivationCopies(const Task<E> &task, int chunks, int left, const Place<S> &place)
      : chunks_(chunks), left_(left), place_(place), step_(0) {
    const int first = place.member * S::kOwnEights * kEight + place.lane / 4;
    from_ = task.x + first * task.x_stride + place.part * kChunk + place.lane % 4 * 8;
    stride_ = kEight * task.x_stride;
    owned_ = first < task.tokens ? ceil_of(task.tokens - first, kEight) : 0;
  }

  __device__ void copy(uint4 *stage) {
    if (left_ == 0) return;
    left_--;
    const E *from = from_ + step_ * (S::kParts * kChunk);
    for (int n = 0; n < S::kOwnEights; n++) {
      if (n < owned_) copy_async(slot(stage, n), from + n * stride_);
    }
    if (++step_ == chunks_) step_ = 0;
  }

  // Tokens that are not there are zeros.
  __device__ void clear(uint4 *stage) const {
    for (int n = 0; n < S::kOwnEights; n++) {
      if (n >= owned_) *slot(stage, n) = uint4{};
    }
  }

 private:
  __device__ uint4 *slot(uint4 *stage, int n) const {
    return stage + S::kWeightPieces +
           (place_.part * S::kEights + place_.member * S::kOwnEights + n) * kPieces + place_.lane;
  }

  const int chunks_;
  int left_;
  const Place<S> &place_;
  int step_;
  const E *from_;
  int64_t stride_;
  int owned_;  // eights of tokens
};

template <typename E, typename S>
__device__ void multiply_stage(float (&sums)[S::kTiles][S::kEights][4], const uint4 *stage,
                               const Place<S> &place) {
  const uint4 *w = stage + place.warp * S::kTiles * 2 * kPieces + place.lane;
  const uint4 *x = stage + S::kWeightPieces + place.part * S::kEights * kPieces + place.lane;
  uint4 low[S::kTiles];   // row g
  uint4 high[S::kTiles];  // row g + 8
  for (int m = 0; m < S::kTiles; m++) {
    low[m] = w[m * 2 * kPieces];
    high[m] = w[(m * 2 + 1) * kPieces];
  }
  for (int n = 0; n < S::kEights; n++) {
    const uint4 b = x[n * kPieces];
    for (int m = 0; m < S::kTiles; m++) {
      multiply<E>(sums[m][n], low[m].x, high[m].x, low[m].y, high[m].y, b.x, b.y);
      multiply<E>(sums[m][n], low[m].z, high[m].z, low[m].w, high[m].w, b.z, b.w);
    }
  }
}

// silu(gate) * up.
__device__ float gated(float gate, float up) { return gate / (1.0f + expf(-gate)) * up; }

template <typename E, typename S>
__device__ void store(const Task<E> &task, int token, int row, const float (&sums)[S::kPlanes]) {
  const int64_t at = token * task.y_stride + row;
  if constexpr (S::kGated) {
    static_cast<E *>(task.y)[at] = finite_element<E>(gated(sums[0], sums[1]));
  } else if (task.y_f32) {
    static_cast<float *>(task.y)[at] = sums[0];
  } else {
    static_cast<E *>(task.y)[at] = Element<E>::of(sums[0]);
  }
}

// Adds the sums of the groups, and stores those of one tile of rows of each warp of a group, and of
// kPassEights of tokens.
template <typename E, typename S>
__device__ void store_pass(const Task<E> &task, int tiles, int first_tile, int first_token,
                           const float *group_sums) {
  for (int i = threadIdx.x; i < S::kPassRows * S::kPassTokens; i += kThreads) {
    const int column = i % S::kPassRows;
    const int token = i / S::kPassRows;
    const int tile = first_tile + column / kTileRows * S::kRowTiles;
    if (tile >= tiles || first_token + token >= task.tokens) continue;
    const int row = task.units.first_row(tile) + column % kTileRows;
    if (row >= task.rows) continue;
    float sums[S::kPlanes];
    for (int plane = 0; plane < S::kPlanes; plane++) {
      const float *of = group_sums + plane * S::kPlaneSums + token * S::kSumStride + column;
      const float *bias = S::kGated ? task.bias[plane] : nullptr;
      float sum = bias == nullptr ? 0 : bias[row];
      for (int part = 0; part < S::kParts; part++) {
        sum += of[part * S::kPassTokens * S::kSumStride];
      }
      sums[plane] = sum;
    }
    store<E, S>(task, first_token + token, row, sums);
  }
}

// Hands the sums of one tile and one eight of tokens to the block.
template <typename S>
__device__ void hand_over(float *group_sums, const float (&sums)[4], int eight,
                          const Place<S> &place) {
  const int token = place.part * S::kPassTokens + eight * kEight + place.lane % 4 * 2;
  float *to = group_sums + token * S::kSumStride + place.member * kTileRows + place.lane / 4;
  to[0] = sums[0];
  to[S::kSumStride] = sums[1];
  to[8] = sums[2];
  to[S::kSumStride + 8] = sums[3];
}

template <typename E, typename S>
__device__ void store_tile(const Task<E> &task, int tiles, int block_tile, float *group_sums,
                           const float (&sums)[S::kTiles][S::kEights][4], const Place<S> &place) {
#pragma unroll
  for (int m = 0; m < S::kRowTiles; m++) {
#pragma unroll
    for (int n = 0; n < S::kEights; n += S::kPassEights) {
      __syncthreads();  // the pass before has been read
#pragma unroll
      for (int plane = 0; plane < S::kPlanes; plane++) {
#pragma unroll
        for (int i = 0; i < S::kPassEights; i++) {
          hand_over<S>(group_sums + plane * S::kPlaneSums,
                       sums[plane * S::kRowTiles + m][n + i], i, place);
        }
      }
      __syncthreads();
      store_pass<E, S>(task, tiles, block_tile * S::kBlockTiles + m, n * kEight, group_sums);
    }
  }
}

template <typename E, typename S>
__global__ void __launch_bounds__(kThreads, kBlocks) rows_kernel(const __grid_constant__ Task<E> task) {
  extern __shared__ uint4 ring[];  // [kStages, kStagePieces]
  float *group_sums = reinterpret_cast<float *>(ring + S::kStages * S::kStagePieces);
  const Place<S> place;
  const int tiles = task.units.tiles(task.rows);
  const int chunks = ceil_of(task.d / kChunk - place.part, S::kParts);
  const bool has_all = chunks == ceil_of(task.d / kChunk, S::kParts);  // or one less

  WeightCopies<E, S> weights(task, tiles, chunks, place);
  ActivationCopies<E, S> activations(task, chunks, weights.left(), place);
  for (int stage = 0; stage < S::kStages - 1; stage++) {
    weights.copy(ring + stage * S::kStagePieces);
  }
  for (int stage = 0; stage < S::kStages; stage++) {
    activations.clear(ring + stage * S::kStagePieces);
  }
  if (weights.left() <= kTrigger) let_next_start();
  wait_for_previous();
  for (int stage = 0; stage < S::kStages - 1; stage++) {
    activations.copy(ring + stage * S::kStagePieces);
    commit();
  }

  int stage = 0;
  for (int tile = blockIdx.x; tile * S::kBlockTiles < tiles; tile += gridDim.x) {
    float sums[S::kTiles][S::kEights][4] = {};
    for (int chunk = 0; chunk < chunks; chunk++) {
      wait_for_copies<S::kStages - 2>();
      // All warps of the group see the stage, and have done with the one before.
      if (S::kGroup > 1) group_barrier<S::kGroup>(place.part);
      uint4 *free = ring + (stage == 0 ? S::kStages - 1 : stage - 1) * S::kStagePieces;
      weights.copy(free);
      activations.copy(free);
      commit();
      if (weights.left() == kTrigger) let_next_start();
      multiply_stage<E, S>(sums, ring + stage * S::kStagePieces, place);
      stage = stage == S::kStages - 1 ? 0 : stage + 1;
    }
    // As often as the others, see there.
    if (S::kGroup > 1 && !has_all) group_barrier<S::kGroup>(place.part);
    store_tile<E, S>(task, tiles, tile, group_sums, sums, place);
  }
}

template <typename E, typename S>
int launch(void *stream, const Task<E> &task) {
  const int processors = multiprocessors();
  if (processors < 0) return -processors;
  const int tiles = ceil_of(ceil_of(task.rows, kTileRows), S::kBlockTiles);
  const int blocks = min(tiles, processors * kBlocks);
  return enqueue<rows_kernel<E, S>>(stream, dim3(blocks), kThreads, S::kSharedBytes, task);
}

template <typename E, bool kGated>
int choose(void *stream, const Task<E> &task) {
  const int eights = ceil_of(task.tokens, kEight);
  if constexpr (!kGated) {
    const bool one = task.rows <= kFewRows;
    if (one && eights == 1) return launch<E, Shape<1, 1, false>>(stream, task);
    if (one && eights <= 2) return launch<E, Shape<1, 2, false>>(stream, task);
    if (one && eights <= 4) return launch<E, Shape<1, 4, false>>(stream, task);
    if (one) return launch<E, Shape<1, 8, false>>(stream, task);
  }
  if (eights == 1) return launch<E, Shape<2, 1, kGated>>(stream, task);
  if (eights == 2) return launch<E, Shape<2, 2, kGated>>(stream, task);
  if (eights <= 4) return launch<E, Shape<2, 4, kGated>>(stream, task);
  return launch<E, Shape<2, 8, kGated>>(stream, task);
}

}  // namespace

int rap_cuda_rows(void *stream, int type, void *y, int64_t y_stride, int y_f32, const void *x,
                  int64_t x_stride, int tokens, const void *w, int rows, int d,
                  const int32_t *units, int unit_rows) {
  if (!fits(x_stride, tokens, rows, d, units, unit_rows)) return RAP_CUDA_BAD_ARGUMENT;
  return for_element(type, [&](auto zero) {
    using E = decltype(zero);
    const Task<E> task{y,      y_stride, y_f32 != 0, static_cast<const E *>(x),
                       x_stride, tokens,   {static_cast<const E *>(w), nullptr},
                       {},     rows,     d,
                       {units, unit_rows / kTileRows}};
    return choose<E, false>(stream, task);
  });
}

int rap_cuda_gated_rows(void *stream, int type, void *y, int64_t y_stride, const void *x,
                        int64_t x_stride, int tokens, const void *gate, const void *up,
                        const float *gate_bias, const float *up_bias, int rows, int d,
                        const int32_t *units, int unit_rows) {
  if (!fits(x_stride, tokens, rows, d, units, unit_rows)) return RAP_CUDA_BAD_ARGUMENT;
  return for_element(type, [&](auto zero) {
    using E = decltype(zero);
    const Task<E> task{y,        y_stride, false, static_cast<const E *>(x),
                       x_stride, tokens,   {static_cast<const E *>(gate), static_cast<const E *>(up)},
                       {gate_bias, up_bias}, rows, d, {units, unit_rows / kTileRows}};
    return choose<E, true>(stream, task);
  });
}
