// attention_many.cu: causal attention of many tokens of each sequence over the paged KV cache
// (prefill).
//
// Math      y[t, h] = sum over p <= position(t) of softmax(q[t, h] . key[p] / sqrt(Dh)) * value[p],
//           by the online softmax over tiles of 64 positions
// Source    Dao 2023, arXiv:2307.08691 (FlashAttention-2)
// Shapes    y [T, H * Dh], qkv [T, K * (G + 2) * Dh], keys and values [K, slots, Dh],
//           tiles [tiles, 4]
// Layout    rap_cuda.h. Runs of 16 positions are contiguous in the cache
// Types     y, qkv, keys, values: f16 or bf16; scores, softmax and sums: fp32; weights of the
//           softmax are rounded to elements for the tensor cores
// Work      4 * Dh flops for each token, head and position that it sees: bound by the tensor cores
// Launch    grid  (K * head blocks, tiles): a block per tile of tokens and two heads of a group (one
//           where G = 1); the last tile is first, since the later tiles of a prompt are the longest
//           block 64 threads for each head: a warp for 32 tokens of it
//           shared (64 * heads + 256) rows of Dh + 8 elements, dynamic
// Requires  what attention::fits says; at most 65535 tiles
// Aliasing  y overlaps nothing else
// Pair      oracle dev.rap.cuda.AttentionOracle
//
// A warp has 32 rows, so that each fragment of keys or values that comes from shared memory is used
// twice: with 16 the tensor cores would wait for it. The next tile of keys and values is copied
// while this one is multiplied.

#include "attention.cuh"

namespace {

using attention::Cache;
using attention::kRun;

constexpr int kTileTokens = RAP_CUDA_TILE_TOKENS;
constexpr int kTilePositions = 64;
constexpr int kWarpRows = 32;
constexpr int kStages = 2;

template <typename Element>
struct Step {
  Element *y;  // [T, y_stride]
  int64_t y_stride;
  const Element *qkv;  // [T, qkv_stride]
  int64_t qkv_stride;
  Cache<Element> cache;
  const int4 *tiles;  // sequence, first token, tokens, position of the first
  const int32_t *units;
  int groups;
  int group_heads;
  float scale;
};

// A tile of tokens and the heads that one block does.
struct Part {
  int sequence;
  int token;      // of the step
  int tokens;
  int position;   // of the first token
  int group;
  int head;       // of the group
  int heads;      // that there are from it on, at most those of a block

  __device__ int context() const { return position + tokens; }
};

// Shared memory. Eight rows in a column lie in different banks: Dh is a multiple of 32 elements, and
// a row 16 bytes longer.
template <typename Element, int kHeadSize, int kHeads>
struct Shared {
  static constexpr int kStride = kHeadSize + 8;

  Element queries[kHeads * kTileTokens][kStride];
  struct {
    Element keys[kTilePositions][kStride];
    Element values[kTilePositions][kStride];
  } stages[kStages];
};

// Copies 16 bytes to shared memory in the background, or writes zeros there.
__device__ inline void copy16(void *to, const void *from, bool wanted) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(
                   static_cast<uint32_t>(__cvta_generic_to_shared(to))),
               "l"(from), "r"(wanted ? 16 : 0)
               : "memory");
}

__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

__device__ inline void wait_for_copies() { asm volatile("cp.async.wait_group 0;" ::: "memory"); }

// Four 8 x 8 fragments, whose rows lanes 0 .. 7, 8 .. 15, 16 .. 23 and 24 .. 31 point to.
__device__ inline void load_fragments(uint32_t (&f)[4], uint32_t at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f[0]), "=r"(f[1]), "=r"(f[2]), "=r"(f[3])
               : "r"(at)
               : "memory");
}

__device__ inline void load_fragments_transposed(uint32_t (&f)[4], uint32_t at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f[0]), "=r"(f[1]), "=r"(f[2]), "=r"(f[3])
               : "r"(at)
               : "memory");
}

// Copies the part's queries; rows of tokens and heads that are not there become zeros.
template <typename Element, int kHeadSize, int kHeads>
__device__ void copy_queries(Shared<Element, kHeadSize, kHeads> &shared, const Step<Element> &step,
                             const Part &part) {
  constexpr int kChunks = kHeadSize / 8;
  const Element *queries =
      step.qkv + part.token * step.qkv_stride +
      (static_cast<int64_t>(part.group) * (step.group_heads + 2) + part.head) * kHeadSize;
  for (int i = threadIdx.x; i < kHeads * kTileTokens * kChunks; i += kHeads * 64) {
    const int row = i / kChunks;
    const int column = i % kChunks * 8;
    const int head = row / kTileTokens;
    const int token = row % kTileTokens;
    const bool there = head < part.heads && token < part.tokens;
    const Element *from = queries + (there ? token * step.qkv_stride + head * kHeadSize + column : 0);
    copy16(&shared.queries[row][column], from, there);
  }
}

// Brings keys and values of the part's group, tile by tile.
template <typename Element, int kHeadSize, int kHeads>
struct Copier {
  static constexpr int kTileRuns = kTilePositions / kRun;

  const Cache<Element> &cache;
  const int32_t *table;
  int64_t group_at;
  int context;
  int slot;  // of the next tile's run threadIdx.x % kTileRuns

  __device__ Copier(const Cache<Element> &cache, const Part &part)
      : cache(cache),
        table(cache.tables + static_cast<int64_t>(part.sequence) * cache.table_stride),
        group_at(part.group * cache.group_stride),
        context(part.context()) {
    look_up(0);
  }

  __device__ void look_up(int tile) {
    const int run = tile * kTileRuns + threadIdx.x % kTileRuns;
    slot = run * kRun < context
               ? static_cast<int>(attention::first_slot(table, cache.block_size, run))
               : 0;
  }

  // Each 64 threads copy their runs, which are kHeadSize / 32 pieces of 64 * 16 bytes. Positions past
  // the context, which nobody may have written, become zeros: weights of 0 would not undo a NaN.
  __device__ void copy(Shared<Element, kHeadSize, kHeads> &shared, int tile) {
    constexpr int kChunks = kHeadSize / 8;
    auto &stage = shared.stages[tile % kStages];
    const int left = context - tile * kTilePositions;
#pragma unroll
    for (int n = 0; n < kTileRuns / kHeads; n++) {
      const int run = n * kHeads + threadIdx.x / 64;
      const int64_t run_slot = __shfl_sync(0xffffffffu, slot, run);
      const int64_t at = group_at + run_slot * kHeadSize + threadIdx.x % 64 * 8;
#pragma unroll
      for (int piece = 0; piece < kHeadSize / 32; piece++) {
        const int chunk = piece * 64 + threadIdx.x % 64;
        const int row = run * kRun + chunk / kChunks;
        const int column = chunk % kChunks * 8;
        copy16(&stage.keys[row][column], cache.keys + at + piece * 512, row < left);
        copy16(&stage.values[row][column], cache.values + at + piece * 512, row < left);
      }
    }
    commit_copies();
    look_up(tile + 1);
  }
};

// The work of one warp: 32 tokens of a head, as two operands of 16 rows.
template <typename Element, int kHeadSize, int kHeads>
struct Warp {
  using Memory = Shared<Element, kHeadSize, kHeads>;
  static constexpr int kStride = Memory::kStride;
  static constexpr int kScoreTiles = kTilePositions / 8;
  static constexpr int kSumTiles = kHeadSize / 8;

  float sums[2][kSumTiles][4];
  float tops[2][2];    // of rows r and r + 8
  float totals[2][2];  // of this lane's columns

  __device__ Warp() {
    for (int m = 0; m < 2; m++) {
      for (int i = 0; i < kSumTiles; i++) {
        for (int c = 0; c < 4; c++) sums[m][i][c] = 0.f;
      }
      for (int h = 0; h < 2; h++) {
        tops[m][h] = -INFINITY;
        totals[m][h] = 0.f;
      }
    }
  }

  static __device__ int first_row() { return threadIdx.x / 32 * kWarpRows; }
  static __device__ int first_token() { return first_row() % kTileTokens; }

  // Where this lane points ldmatrix to, for fragments in the order of operand A: rows, then columns.
  static __device__ uint32_t rows_first(const Element *at) {
    const int lane = threadIdx.x % 32;
    return address(at + lane % 16 * kStride + lane / 16 * 8);
  }

  // Likewise, columns first: two operands B.
  static __device__ uint32_t columns_first(const Element *at) {
    const int lane = threadIdx.x % 32;
    return address(at + (lane % 8 + lane / 16 * 8) * kStride + lane / 8 % 2 * 8);
  }

  static __device__ uint32_t address(const Element *at) {
    return static_cast<uint32_t>(__cvta_generic_to_shared(at));
  }

  // Scores of a tile: rows are tokens, columns positions.
  __device__ void score(float (&scores)[2][kScoreTiles][4], const Memory &shared, int stage) const {
    for (int m = 0; m < 2; m++) {
      for (int i = 0; i < kScoreTiles; i++) {
        for (int c = 0; c < 4; c++) scores[m][i][c] = 0.f;
      }
    }
    const uint32_t queries = rows_first(shared.queries[first_row()]);
    const uint32_t keys = columns_first(shared.stages[stage].keys[0]);
#pragma unroll
    for (int k = 0; k < kHeadSize; k += 16) {
      uint32_t a[2][4];
      load_fragments(a[0], queries + 2 * k);
      load_fragments(a[1], queries + 2 * (16 * kStride + k));
#pragma unroll
      for (int i = 0; i < kScoreTiles; i += 2) {
        uint32_t b[4];
        load_fragments(b, keys + 2 * (i * 8 * kStride + k));
        for (int m = 0; m < 2; m++) {
          attention::multiply<Element>(scores[m][i], a[m], b[0], b[1]);
          attention::multiply<Element>(scores[m][i + 1], a[m], b[2], b[3]);
        }
      }
    }
  }

  // Takes out positions past the tokens'. ahead: the first token's, counted from the tile's first.
  __device__ static void mask(float (&scores)[2][kScoreTiles][4], int ahead) {
    const int row = threadIdx.x % 32 / 4;
    const int column = threadIdx.x % 4 * 2;
#pragma unroll
    for (int m = 0; m < 2; m++) {
#pragma unroll
      for (int i = 0; i < kScoreTiles; i++) {
        for (int c = 0; c < 4; c++) {
          const int token = 16 * m + row + 8 * (c >> 1);
          if (8 * i + column + (c & 1) > ahead + token) scores[m][i][c] = -INFINITY;
        }
      }
    }
  }

  // Turns scores into weights, relative to the highest so far, and makes what was summed relative
  // to it too. Every token sees the first position, so that tops are finite from there on.
  __device__ void weigh(float (&scores)[2][kScoreTiles][4], float scale) {
    float shrink[2][2];
    bool higher = false;
#pragma unroll
    for (int m = 0; m < 2; m++) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        float top = scores[m][0][2 * h];
        for (int i = 0; i < kScoreTiles; i++) {
          top = fmaxf(top, fmaxf(scores[m][i][2 * h], scores[m][i][2 * h + 1]));
        }
        top = fmaxf(tops[m][h], attention::over_row(top, attention::Greater()));
        higher |= top > tops[m][h];
        shrink[m][h] = attention::power_of_two((tops[m][h] - top) * scale);
        tops[m][h] = top;
        totals[m][h] *= shrink[m][h];
        for (int i = 0; i < kScoreTiles; i++) {
          for (int c = 2 * h; c < 2 * h + 2; c++) {
            scores[m][i][c] = attention::power_of_two(scores[m][i][c] * scale - top * scale);
            totals[m][h] += scores[m][i][c];
          }
        }
      }
    }
    // Tops rarely change after the first tiles.
    if (__any_sync(0xffffffffu, higher)) {
      for (int m = 0; m < 2; m++) {
        for (int i = 0; i < kSumTiles; i++) {
          for (int c = 0; c < 4; c++) sums[m][i][c] *= shrink[m][c >> 1];
        }
      }
    }
  }

  __device__ void add_values(const float (&weights)[2][kScoreTiles][4], const Memory &shared,
                             int stage) {
    const uint32_t values = rows_first(shared.stages[stage].values[0]);
#pragma unroll
    for (int k = 0; k < kTilePositions; k += 16) {
      uint32_t a[2][4];
      for (int m = 0; m < 2; m++) {
        for (int i = 0; i < 4; i++) {
          const float *pair = &weights[m][k / 8 + i / 2][i % 2 * 2];
          a[m][i] = attention::pack<Element>(pair[0], pair[1]);
        }
      }
#pragma unroll
      for (int i = 0; i < kSumTiles; i += 2) {
        uint32_t b[4];
        load_fragments_transposed(b, values + 2 * (k * kStride + i * 8));
        for (int m = 0; m < 2; m++) {
          attention::multiply<Element>(sums[m][i], a[m], b[0], b[1]);
          attention::multiply<Element>(sums[m][i + 1], a[m], b[2], b[3]);
        }
      }
    }
  }

  // Leaves the results in the rows of the warp's queries, which no other warp reads.
  __device__ void finish(Memory &shared) const {
    __syncwarp();
    const int r = threadIdx.x % 32 / 4;
    const int j = threadIdx.x % 4;
    for (int m = 0; m < 2; m++) {
      for (int h = 0; h < 2; h++) {
        const float inverse = 1.f / attention::over_row(totals[m][h], attention::Sum());
        Element *row = shared.queries[first_row() + 16 * m + 8 * h + r];
        for (int i = 0; i < kSumTiles; i++) {
          *reinterpret_cast<uint32_t *>(row + 8 * i + 2 * j) = attention::pack<Element>(
              sums[m][i][2 * h] * inverse, sums[m][i][2 * h + 1] * inverse);
        }
      }
    }
    __syncwarp();
  }
};

// What this block does. False if its group is not retained.
template <typename Element, int kHeads>
__device__ bool find_part(const Step<Element> &step, Part *part) {
  const int head_blocks = (step.group_heads + kHeads - 1) / kHeads;
  const int4 tile = __ldg(step.tiles + (gridDim.y - 1 - blockIdx.y));
  part->sequence = tile.x;
  part->token = tile.y;
  part->tokens = tile.z;
  part->position = tile.w;
  part->group = attention::retained_group(step.units, blockIdx.x / head_blocks);
  part->head = blockIdx.x % head_blocks * kHeads;
  part->heads = min(kHeads, step.group_heads - part->head);
  return part->group >= 0;
}

// Writes the warp's rows of y: those in shared memory, or zeros.
template <typename Element, int kHeadSize, int kHeads>
__device__ void store(const Step<Element> &step, const Part &part,
                      const Shared<Element, kHeadSize, kHeads> *shared) {
  constexpr int kChunks = kHeadSize / 8;
  const int first_row = threadIdx.x / 32 * kWarpRows;
  const int head = first_row / kTileTokens;
  if (head >= part.heads) return;
  Element *y = step.y + part.token * step.y_stride +
               (static_cast<int64_t>(part.group) * step.group_heads + part.head + head) * kHeadSize;
  for (int i = threadIdx.x % 32; i < kWarpRows * kChunks; i += 32) {
    const int row = first_row + i / kChunks;
    const int column = i % kChunks * 8;
    const int token = row % kTileTokens;
    if (token >= part.tokens) return;
    const uint4 v = shared == nullptr
                        ? make_uint4(0, 0, 0, 0)
                        : *reinterpret_cast<const uint4 *>(&shared->queries[row][column]);
    *reinterpret_cast<uint4 *>(y + token * step.y_stride + column) = v;
  }
}

template <typename Element, int kHeadSize, int kHeads>
__global__ void __launch_bounds__(64 * kHeads) attention_many(Step<Element> step) {
  using Memory = Shared<Element, kHeadSize, kHeads>;
  extern __shared__ __align__(16) unsigned char bytes[];
  Memory &shared = *reinterpret_cast<Memory *>(bytes);

  Part part;
  if (!find_part<Element, kHeads>(step, &part)) return;
  if (__ldg(step.cache.present + part.sequence * step.groups + part.group) == 0) {
    store<Element, kHeadSize, kHeads>(step, part, nullptr);
    return;
  }
  Copier<Element, kHeadSize, kHeads> copier(step.cache, part);
  copy_queries(shared, step, part);
  copier.copy(shared, 0);

  Warp<Element, kHeadSize, kHeads> work;
  // A warp whose tokens or head are not there only copies.
  const bool works =
      work.first_token() < part.tokens && work.first_row() / kTileTokens < part.heads;
  const int tiles = (part.context() + kTilePositions - 1) / kTilePositions;
  for (int tile = 0; tile < tiles; tile++) {
    // This tile is here, and all warps are done with the one that the next is copied over.
    wait_for_copies();
    __syncthreads();
    if (tile + 1 < tiles) copier.copy(shared, tile + 1);
    // How far the warp's first token is past the tile's first position.
    const int ahead = part.position + work.first_token() - tile * kTilePositions;
    if (!works || ahead <= -kWarpRows) continue;
    float scores[2][work.kScoreTiles][4];
    work.score(scores, shared, tile % kStages);
    if (ahead < kTilePositions - 1) work.mask(scores, ahead);
    work.weigh(scores, step.scale);
    work.add_values(scores, shared, tile % kStages);
  }
  if (!works) return;
  work.finish(shared);
  store(step, part, &shared);
}

// ---- Host

template <typename Element, int kHeadSize, int kHeads>
cudaError_t launch(cudaStream_t stream, const Step<Element> &step, int tiles) {
  constexpr int kBytes = sizeof(Shared<Element, kHeadSize, kHeads>);
  const auto kernel = attention_many<Element, kHeadSize, kHeads>;
  const cudaError_t error =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
  if (error != cudaSuccess) return error;
  const int head_blocks = (step.group_heads + kHeads - 1) / kHeads;
  kernel<<<dim3(step.groups * head_blocks, tiles), 64 * kHeads, kBytes, stream>>>(step);
  return cudaGetLastError();
}

// Two heads share keys and values where there are two, and where a block has the shared memory for
// it: 99 KiB, which some devices have, are too little at Dh = 128.
template <typename Element, int kHeadSize>
cudaError_t launch(cudaStream_t stream, const Step<Element> &step, int tiles) {
  int device;
  int bytes;
  cudaError_t error = cudaGetDevice(&device);
  if (error != cudaSuccess) return error;
  error = cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  if (error != cudaSuccess) return error;
  const bool two = step.group_heads > 1 &&
                   static_cast<int>(sizeof(Shared<Element, kHeadSize, 2>)) <= bytes;
  return two ? launch<Element, kHeadSize, 2>(stream, step, tiles)
             : launch<Element, kHeadSize, 1>(stream, step, tiles);
}

template <typename Element>
int attend_many(void *stream, void *y, int64_t y_stride, const void *qkv, int64_t qkv_stride,
                int groups, int group_heads, int head_size, const void *keys, const void *values,
                int64_t group_stride, const int32_t *tiles, int tile_count, const int32_t *tables,
                int table_stride, int block_size, const uint8_t *present, const int32_t *units) {
  Step<Element> step;
  step.y = static_cast<Element *>(y);
  step.y_stride = y_stride;
  step.qkv = static_cast<const Element *>(qkv);
  step.qkv_stride = qkv_stride;
  step.cache = {static_cast<const Element *>(keys), static_cast<const Element *>(values),
                group_stride, tables, table_stride, block_size, present};
  step.tiles = reinterpret_cast<const int4 *>(tiles);
  step.units = units;
  step.groups = groups;
  step.group_heads = group_heads;
  step.scale = attention::exponent_scale(head_size);
  const auto on = static_cast<cudaStream_t>(stream);
  switch (head_size) {
    case 32:
      return launch<Element, 32>(on, step, tile_count);
    case 64:
      return launch<Element, 64>(on, step, tile_count);
    case 96:
      return launch<Element, 96>(on, step, tile_count);
    default:
      return launch<Element, 128>(on, step, tile_count);
  }
}

}  // namespace

extern "C" int rap_cuda_attention_many(void *stream, int type, void *y, int64_t y_stride,
                                       const void *qkv, int64_t qkv_stride, int groups,
                                       int group_heads, int head_size, const void *keys,
                                       const void *values, int64_t group_stride,
                                       const int32_t *tiles, int tile_count, const int32_t *tables,
                                       int table_stride, int block_size, const uint8_t *present,
                                       const int32_t *units) {
  if (!attention::fits(type, y_stride, qkv_stride, groups, group_heads, head_size, group_stride,
                       table_stride, block_size) ||
      tile_count < 1 || tile_count > 65535) {
    return RAP_CUDA_BAD_ARGUMENT;
  }
  const auto attend = type == RAP_CUDA_F16 ? attend_many<__half> : attend_many<__nv_bfloat16>;
  return attend(stream, y, y_stride, qkv, qkv_stride, groups, group_heads, head_size, keys, values,
                group_stride, tiles, tile_count, tables, table_stride, block_size, present, units);
}
