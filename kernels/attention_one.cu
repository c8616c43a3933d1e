// attention_one.cu: attention of one token of each sequence over the paged KV cache (decode).
//
// Math      y[s, h] = sum over p <= positions[s] of softmax(q[s, h] . key[p] / sqrt(Dh)) * value[p],
//           by the online softmax over runs of 16 positions
// Source    Milakov & Gimelshein 2018, arXiv:1805.02867 (online softmax); Dao et al. 2023,
//           "Flash-Decoding" (the context divided among blocks)
// Shapes    y [S, H * Dh], qkv [S, K * (G + 2) * Dh], keys and values [K, slots, Dh]
// Layout    rap_cuda.h. Runs of 16 positions are contiguous in the cache
// Types     y, qkv, keys, values: f16 or bf16; scores, softmax and sums: fp32; weights of the
//           softmax are rounded to elements for the tensor cores
// Bytes     the keys and values of the context once: 4 * Dh * (position + 1) for each sequence and
//           retained group that it has
// Launch    grid  (K, S, parts): a block per head group, sequence and part of the context; the
//           number of parts follows from S * K and the device alone, blocks of short contexts
//           leave at once
//           block 256 threads (128 where G > 8): each warp takes every (parts * warps)-th run
//           shared at most 34 KiB, static
// Requires  what attention::fits says; the scratch zeroed once
// Aliasing  y overlaps nothing else
// Pair      oracle dev.rap.cuda.AttentionOracle
//
// Keys and values go from memory to the registers of the warp that multiplies them, and nowhere
// else. Both are operand A, the group's heads are the 8 columns of B, so that half of the tensor
// cores' work is not padding. 16 consecutive bytes of a row are what one lane loads; which element
// of the row is which row or k of the operand does not matter as long as both operands agree, so
// elements 8j .. 8j + 7 of 32 keep their place as k of two products, and elements 8r .. 8r + 7 of
// 64 are rows r and r + 8 of four.

#include <algorithm>

#include "attention.cuh"

namespace {

using attention::Cache;
using attention::kRun;

// Parts that give a multiprocessor two blocks, as many as it holds; up to twice as many where
// sequences may differ in length.
constexpr int kWarps = 6;
constexpr int kBlocksPerProcessor = 2;
constexpr int kSpareFactor = 2;
constexpr int kMostParts = 128;
// Runs of a part: the fewest worth a block of their own, and the most while there are spare parts.
constexpr int kFewestRuns = 2;
constexpr int kMostRuns = 64;

__host__ __device__ constexpr int warps_of(int tiles) { return tiles == 1 ? kWarps : 4; }

// What a part leaves for the others: sums, a top and a total per head, in whole float4s.
__host__ __device__ constexpr int record_floats(int heads, int head_size) {
  return heads * head_size + (2 * heads + 3) / 4 * 4;
}

template <typename Element>
struct Step {
  Element *y;  // [S, y_stride]
  int64_t y_stride;
  const Element *qkv;  // [S, qkv_stride]
  int64_t qkv_stride;
  Cache<Element> cache;
  const int32_t *positions;  // [S]
  const int32_t *units;
  int group_heads;
  float scale;
  int even_parts;
  unsigned *counters;  // [S * K], zero between launches
  float *records;      // [S * K, parts, record_floats]
};

// A part's share of one softmax: sums over its positions, relative to the top score.
struct Share {
  float top;
  float total;
  float4 sum;

  __device__ Share() : top(-INFINITY), total(0.f), sum(make_float4(0.f, 0.f, 0.f, 0.f)) {}

  // Adds another share that is not empty.
  __device__ void add(float other_top, float other_total, float4 other, float scale) {
    const float highest = fmaxf(top, other_top);
    const float mine = attention::power_of_two((top - highest) * scale);
    const float its = attention::power_of_two((other_top - highest) * scale);
    top = highest;
    total = total * mine + other_total * its;
    sum.x = sum.x * mine + other.x * its;
    sum.y = sum.y * mine + other.y * its;
    sum.z = sum.z * mine + other.z * its;
    sum.w = sum.w * mine + other.w * its;
  }
};

// Volatile, so that the compiler does not keep in registers what L1 holds.
__device__ inline uint4 load16(const void *at) {
  uint4 v;
  asm volatile("ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(at));
  return v;
}

// Bytes that are read once: they need no place in L1.
__device__ inline uint4 stream16(const void *at, bool wanted) {
  uint4 v = make_uint4(0, 0, 0, 0);
  if (wanted) {
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(at));
  }
  return v;
}

__device__ inline uint2 stream8(const void *at, bool wanted) {
  uint2 v = make_uint2(0, 0);
  if (wanted) {
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v2.u32 {%0, %1}, [%2];"
                 : "=r"(v.x), "=r"(v.y)
                 : "l"(at));
  }
  return v;
}

// The 8 x 8 elements of a warp, transposed.
__device__ inline uint32_t transpose(uint32_t x) {
  uint32_t y;
  asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(y) : "r"(x));
  return y;
}

// The work of one warp: kTiles * 8 heads over its runs.
template <typename Element, int kHeadSize, int kTiles>
struct Warp {
  static constexpr int kSlices = kHeadSize / 32;        // of a key, 16 bytes a lane
  static constexpr int kWide = kHeadSize / 64;          // of a value, 16 bytes a lane
  static constexpr bool kNarrow = kHeadSize % 64 != 0;  // and one of 8 bytes a lane
  static constexpr int kRows = kHeadSize / 16;          // operands A of a run of values

  uint4 keys[2][kSlices];
  uint4 wide[kWide > 0 ? kWide : 1][4];
  uint2 narrow[4];
  float sums[kTiles][kRows][4];
  float tops[kTiles][2];
  float totals[kTiles][2];  // of this lane's positions

  __device__ Warp() {
    for (int n = 0; n < kTiles; n++) {
      for (int i = 0; i < kRows; i++) {
        for (int c = 0; c < 4; c++) sums[n][i][c] = 0.f;
      }
      for (int h = 0; h < 2; h++) {
        tops[n][h] = -INFINITY;
        totals[n][h] = 0.f;
      }
    }
  }

  static __device__ int r() { return threadIdx.x % 32 / 4; }
  static __device__ int j() { return threadIdx.x % 4; }

  // at: the run's first key; left: positions of the context from there on. Slots past them may
  // hold anything, NaN too, and are not read.
  __device__ void load_keys(const Element *at, int left) {
    for (int half = 0; half < 2; half++) {
      const int row = r() + 8 * half;
      for (int i = 0; i < kSlices; i++) {
        keys[half][i] = stream16(at + row * kHeadSize + 32 * i + 8 * j(), row < left);
      }
    }
  }

  __device__ void load_values(const Element *at, int left) {
    for (int i = 0; i < 4; i++) {
      const int row = 2 * j() + (i & 1) + 8 * (i >> 1);
      for (int c = 0; c < kWide; c++) {
        wide[c][i] = stream16(at + row * kHeadSize + 64 * c + 8 * r(), row < left);
      }
      if (kNarrow) {
        narrow[i] = stream8(at + row * kHeadSize + 64 * kWide + 4 * r(), row < left);
      }
    }
  }

  // Scores of the run: rows are positions, columns heads. queries [G, Dh]: read anew each time, from
  // L1, since registers are short. Columns past G repeat the last head and go nowhere.
  __device__ void score(float (&scores)[kTiles][4], const Element *queries, int heads) const {
    for (int n = 0; n < kTiles; n++) {
      const Element *query = queries + min(8 * n + r(), heads - 1) * kHeadSize + 8 * j();
      for (int c = 0; c < 4; c++) scores[n][c] = 0.f;
      for (int i = 0; i < kSlices; i++) {
        const uint4 a = keys[0][i], b = keys[1][i], q = load16(query + 32 * i);
        attention::multiply<Element>(scores[n], {a.x, b.x, a.y, b.y}, q.x, q.y);
        attention::multiply<Element>(scores[n], {a.z, b.z, a.w, b.w}, q.z, q.w);
      }
    }
  }

  // Turns scores into weights, relative to the highest so far, and makes what was summed relative
  // to it too.
  __device__ void weigh(float (&scores)[kTiles][4], int left, float scale) {
    for (int n = 0; n < kTiles; n++) {
      if (left < kRun) {
        for (int c = 0; c < 4; c++) {
          if (r() + 8 * (c >> 1) >= left) scores[n][c] = -INFINITY;
        }
      }
      float shrink[2];
      for (int h = 0; h < 2; h++) {
        const float top = attention::over_column(fmaxf(scores[n][h], scores[n][h + 2]),
                                                 attention::Greater());
        const float highest = fmaxf(tops[n][h], top);
        shrink[h] = attention::power_of_two((tops[n][h] - highest) * scale);
        tops[n][h] = highest;
        for (int c = h; c < 4; c += 2) {
          scores[n][c] = attention::power_of_two(scores[n][c] * scale - highest * scale);
        }
        totals[n][h] = totals[n][h] * shrink[h] + scores[n][h] + scores[n][h + 2];
      }
      for (int i = 0; i < kRows; i++) {
        for (int c = 0; c < 4; c++) sums[n][i][c] *= shrink[c & 1];
      }
    }
  }

  // Adds the run's values: rows are elements of a value, columns heads.
  __device__ void add_values(const float (&weights)[kTiles][4]) {
    uint32_t b[kTiles][2];
    for (int n = 0; n < kTiles; n++) {
      for (int half = 0; half < 2; half++) {
        b[n][half] =
            transpose(attention::pack<Element>(weights[n][2 * half], weights[n][2 * half + 1]));
      }
    }
    for (int c = 0; c < kWide; c++) {
      const uint4(&v)[4] = wide[c];
      add_rows(4 * c, v[0].x, v[1].x, v[2].x, v[3].x, b);
      add_rows(4 * c + 1, v[0].y, v[1].y, v[2].y, v[3].y, b);
      add_rows(4 * c + 2, v[0].z, v[1].z, v[2].z, v[3].z, b);
      add_rows(4 * c + 3, v[0].w, v[1].w, v[2].w, v[3].w, b);
    }
    if (kNarrow) {
      add_rows(4 * kWide, narrow[0].x, narrow[1].x, narrow[2].x, narrow[3].x, b);
      add_rows(4 * kWide + 1, narrow[0].y, narrow[1].y, narrow[2].y, narrow[3].y, b);
    }
  }

  // Two elements of four positions each.
  __device__ void add_rows(int row, uint32_t v0, uint32_t v1, uint32_t v2, uint32_t v3,
                           const uint32_t (&b)[kTiles][2]) {
    const uint32_t a[4] = {__byte_perm(v0, v1, 0x5410), __byte_perm(v0, v1, 0x7632),
                           __byte_perm(v2, v3, 0x5410), __byte_perm(v2, v3, 0x7632)};
    for (int n = 0; n < kTiles; n++) {
      attention::multiply<Element>(sums[n][row], a, b[n][0], b[n][1]);
    }
  }

  // The first of the two elements of a value that sums[.][row] are about; the other is next.
  static __device__ int element(int row) {
    return row < 4 * kWide ? row / 4 * 64 + 8 * r() + row % 4 * 2
                           : 64 * kWide + 4 * r() + (row - 4 * kWide) * 2;
  }
};

// What the warps of a block leave for each other: shares of one softmax per head.
template <int kHeadSize, int kTiles>
struct WarpShares {
  static constexpr int kWarps = warps_of(kTiles);
  static constexpr int kQuads = kHeadSize / 4;

  float4 sums[kWarps][8 * kTiles][kQuads + 1];  // odd: fewer writes of a warp meet in a bank
  float tops[kWarps][8 * kTiles];
  float totals[kWarps][8 * kTiles];

  template <typename Element>
  __device__ void put(int warp, const Warp<Element, kHeadSize, kTiles> &work) {
    for (int n = 0; n < kTiles; n++) {
      for (int h = 0; h < 2; h++) {
        const int head = 8 * n + 2 * work.j() + h;
        const float total = attention::over_column(work.totals[n][h], attention::Sum());
        if (work.r() == 0) {
          tops[warp][head] = work.tops[n][h];
          totals[warp][head] = total;
        }
        for (int i = 0; i < work.kRows; i += 2) {
          const float(&a)[4] = work.sums[n][i], (&b)[4] = work.sums[n][i + 1];
          sums[warp][head][work.element(i) / 4] = make_float4(a[h], a[h + 2], b[h], b[h + 2]);
        }
      }
    }
  }

  __device__ Share combined(int warps, int head, int quad, float scale) const {
    Share share;
    for (int w = 0; w < warps; w++) {
      share.add(tops[w][head], totals[w][head], sums[w][head][quad], scale);
    }
    return share;
  }
};

// What the blocks of a sequence and group leave for the last of them: shares as in WarpShares,
// [parts] of sums [G, Dh], tops [G] and totals [G].
struct PartShares {
  float *at;
  int heads;
  int head_size;

  __device__ int floats() const { return record_floats(heads, head_size); }

  // i: quad of the group's heads, counted through
  __device__ void put(int part, int i, const Share &share) const {
    float *record = at + part * floats();
    reinterpret_cast<float4 *>(record)[i] = share.sum;
    if (4 * i % head_size == 0) {
      float *tops = record + heads * head_size;
      tops[4 * i / head_size] = share.top;
      tops[heads + 4 * i / head_size] = share.total;
    }
  }

  // Other blocks wrote them: past L1, which may hold an earlier launch's.
  __device__ Share combined(int parts, int i, float scale) const {
    Share share;
#pragma unroll 4
    for (int p = 0; p < parts; p++) {
      const float *record = at + p * floats();
      const float *tops = record + heads * head_size + 4 * i / head_size;
      share.add(__ldcg(tops), __ldcg(tops + heads),
                __ldcg(reinterpret_cast<const float4 *>(record) + i), scale);
    }
    return share;
  }
};

// How many parts a context of so many runs is divided into.
__device__ inline int parts_of(int runs, int even_parts, int most_parts) {
  const int worth = min(even_parts, (runs + kFewestRuns - 1) / kFewestRuns);
  return min(most_parts, max(worth, (runs + kMostRuns - 1) / kMostRuns));
}

template <typename Element>
__device__ void store(Element *y, float4 v, float factor) {
  *reinterpret_cast<uint2 *>(y) =
      make_uint2(attention::pack<Element>(v.x * factor, v.y * factor),
                 attention::pack<Element>(v.z * factor, v.w * factor));
}

// Whether this block is the last of `parts` to arrive. What the others wrote before they came is
// then visible to it. The counter is left at zero.
__device__ bool is_last(unsigned *counter, int parts) {
  __shared__ bool last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    last = atomicInc(counter, parts - 1) == parts - 1;
    __threadfence();
  }
  __syncthreads();
  return last;
}

// The warp's runs: run, run + stride and so on of those that the context has.
template <typename Element, int kHeadSize, int kTiles>
__device__ void attend(Warp<Element, kHeadSize, kTiles> &work, const Step<Element> &step,
                       int sequence, int group, int run, int stride, int positions) {
  const Cache<Element> &cache = step.cache;
  const int32_t *table = cache.tables + static_cast<int64_t>(sequence) * cache.table_stride;
  const int64_t of_group = group * cache.group_stride;
  const Element *queries = step.qkv + sequence * step.qkv_stride +
                           static_cast<int64_t>(group) * (step.group_heads + 2) * kHeadSize;
  int left = positions - run * kRun;
  int64_t at = of_group + attention::first_slot(table, cache.block_size, run) * kHeadSize;
  work.load_keys(cache.keys + at, left);
  work.load_values(cache.values + at, left);
  while (true) {
    // What was multiplied leaves its registers to the next run's: a warp always has a run of keys
    // or of values on its way.
    const int next_left = left - stride * kRun;
    if (next_left > 0) {
      run += stride;
      at = of_group + attention::first_slot(table, cache.block_size, run) * kHeadSize;
    }
    float weights[kTiles][4];
    work.score(weights, queries, step.group_heads);
    if (next_left > 0) work.load_keys(cache.keys + at, next_left);
    work.weigh(weights, left, step.scale);
    work.add_values(weights);
    if (next_left <= 0) break;
    work.load_values(cache.values + at, next_left);
    left = next_left;
  }
}

template <typename Element, int kHeadSize, int kTiles>
__global__ void __launch_bounds__(32 * warps_of(kTiles), kBlocksPerProcessor)
attention_one(Step<Element> step) {
  using Shares = WarpShares<kHeadSize, kTiles>;
  __shared__ Shares shares;
  const int quads = step.group_heads * (kHeadSize / 4);

  const int sequence = blockIdx.y;
  const int part = blockIdx.z;
  const int positions = __ldg(step.positions + sequence) + 1;
  const int group = attention::retained_group(step.units, blockIdx.x);
  if (group < 0) return;
  const int pair = sequence * gridDim.x + group;
  const int runs = (positions + kRun - 1) / kRun;
  const int parts = parts_of(runs, step.even_parts, gridDim.z);
  Element *y = step.y + sequence * step.y_stride + 4 * static_cast<int64_t>(group) * quads;
  if (runs == 0 || __ldg(step.cache.present + pair) == 0) {
    for (int i = threadIdx.x; part == 0 && i < quads; i += blockDim.x) {
      store(y + 4 * i, make_float4(0.f, 0.f, 0.f, 0.f), 0.f);
    }
    return;
  }
  if (part >= parts) return;

  // Neighbouring runs are of different blocks, so that all parts are of like length.
  const int warp = threadIdx.x / 32;
  const int run = warp * parts + part;
  if (run < runs) {
    Warp<Element, kHeadSize, kTiles> work;
    attend(work, step, sequence, group, run, parts * Shares::kWarps, positions);
    shares.put(warp, work);
  }
  __syncthreads();

  // Warps, then parts, are added in their order, whichever is ready first: the same bits always.
  const int warps = min(Shares::kWarps, (runs - part + parts - 1) / parts);
  PartShares records{nullptr, step.group_heads, kHeadSize};
  records.at = step.records + static_cast<int64_t>(pair) * gridDim.z * records.floats();
  for (int i = threadIdx.x; i < quads; i += blockDim.x) {
    const Share share =
        shares.combined(warps, 4 * i / kHeadSize, i % (kHeadSize / 4), step.scale);
    if (parts == 1) {
      store(y + 4 * i, share.sum, 1.f / share.total);
    } else {
      records.put(part, i, share);
    }
  }
  if (parts == 1 || !is_last(step.counters + pair, parts)) return;
  for (int i = threadIdx.x; i < quads; i += blockDim.x) {
    const Share share = records.combined(parts, i, step.scale);
    store(y + 4 * i, share.sum, 1.f / share.total);
  }
}

// ---- Host

// How the work is divided, which follows from its shape and the device alone.
struct Division {
  int even_parts;  // of each sequence and group, where contexts are of like length
  int parts;       // at most
  int counters;    // the same for every S: launches of different S share a scratch
  int64_t records;  // not fewer for a greater S, likewise

  int64_t record_offset() const { return (sizeof(unsigned) * counters + 15) / 16 * 16; }
};

cudaError_t divide(int sequences, int groups, Division *division) {
  int device;
  int processors;
  cudaError_t error = cudaGetDevice(&device);
  if (error != cudaSuccess) return error;
  error = cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
  if (error != cudaSuccess) return error;
  const int64_t pairs = static_cast<int64_t>(sequences) * groups;
  const int64_t blocks = static_cast<int64_t>(processors) * kBlocksPerProcessor;
  const int64_t most = std::min<int64_t>(kMostParts, (blocks + groups - 1) / groups);
  const int64_t even = std::min(most, std::max<int64_t>(1, blocks / pairs));
  division->even_parts = static_cast<int>(even);
  division->parts = static_cast<int>(std::max(even, std::min(most, kSpareFactor * blocks / pairs)));
  division->counters = static_cast<int>(kSpareFactor * blocks);
  division->records = std::min(kSpareFactor * blocks, pairs * kMostParts);
  return cudaSuccess;
}

template <typename Element, int kHeadSize>
void launch(cudaStream_t stream, const Step<Element> &step, dim3 grid) {
  if (step.group_heads <= 8) {
    attention_one<Element, kHeadSize, 1><<<grid, 32 * warps_of(1), 0, stream>>>(step);
  } else {
    attention_one<Element, kHeadSize, 2><<<grid, 32 * warps_of(2), 0, stream>>>(step);
  }
}

template <typename Element>
cudaError_t launch(cudaStream_t stream, const Step<Element> &step, dim3 grid, int head_size) {
  switch (head_size) {
    case 32:
      launch<Element, 32>(stream, step, grid);
      break;
    case 64:
      launch<Element, 64>(stream, step, grid);
      break;
    case 96:
      launch<Element, 96>(stream, step, grid);
      break;
    default:
      launch<Element, 128>(stream, step, grid);
  }
  return cudaGetLastError();
}

}  // namespace

extern "C" int64_t rap_cuda_attention_scratch(int sequences, int groups, int group_heads,
                                              int head_size) {
  Division division;
  if (sequences < 1 || groups < 1 || divide(sequences, groups, &division) != cudaSuccess) {
    return RAP_CUDA_BAD_ARGUMENT;
  }
  return division.record_offset() +
         static_cast<int64_t>(sizeof(float)) * division.records *
             record_floats(group_heads, head_size);
}

namespace {

template <typename Element>
int attend_one(void *stream, void *y, int64_t y_stride, const void *qkv, int64_t qkv_stride,
               int groups, int group_heads, int head_size, const void *keys, const void *values,
               int64_t group_stride, const int32_t *positions, const int32_t *tables,
               int table_stride, int block_size, const uint8_t *present, int sequences,
               const int32_t *units, void *scratch) {
  Division division;
  const cudaError_t error = divide(sequences, groups, &division);
  if (error != cudaSuccess) return error;
  Step<Element> step;
  step.y = static_cast<Element *>(y);
  step.y_stride = y_stride;
  step.qkv = static_cast<const Element *>(qkv);
  step.qkv_stride = qkv_stride;
  step.cache = {static_cast<const Element *>(keys), static_cast<const Element *>(values),
                group_stride, tables, table_stride, block_size, present};
  step.positions = positions;
  step.units = units;
  step.group_heads = group_heads;
  step.scale = attention::exponent_scale(head_size);
  step.even_parts = division.even_parts;
  step.counters = static_cast<unsigned *>(scratch);
  step.records = reinterpret_cast<float *>(static_cast<char *>(scratch) + division.record_offset());
  return launch(static_cast<cudaStream_t>(stream), step, dim3(groups, sequences, division.parts),
                head_size);
}

}  // namespace

extern "C" int rap_cuda_attention_one(void *stream, int type, void *y, int64_t y_stride,
                                      const void *qkv, int64_t qkv_stride, int groups,
                                      int group_heads, int head_size, const void *keys,
                                      const void *values, int64_t group_stride,
                                      const int32_t *positions, const int32_t *tables,
                                      int table_stride, int block_size, const uint8_t *present,
                                      int sequences, const int32_t *units, void *scratch) {
  if (!attention::fits(type, y_stride, qkv_stride, groups, group_heads, head_size, group_stride,
                       table_stride, block_size) ||
      sequences < 1 || sequences > 65535) {
    return RAP_CUDA_BAD_ARGUMENT;
  }
  const auto attend = type == RAP_CUDA_F16 ? attend_one<__half> : attend_one<__nv_bfloat16>;
  return attend(stream, y, y_stride, qkv, qkv_stride, groups, group_heads, head_size, keys, values,
                group_stride, positions, tables, table_stride, block_size, present, sequences,
                units, scratch);
}
