// attention_one.cu: attention of one token of each sequence over the paged KV cache (decode).
//
// Math      y[s, h] = sum over p <= positions[s] of softmax(q[s, h] . key[p] / sqrt(Dh)) *
//           value[p], by the online softmax over runs of 16 positions
// Source    Milakov & Gimelshein 2018, arXiv:1805.02867 (online softmax); Dao et al. 2023,
//           "Flash-Decoding" (the context divided among blocks)
// Shapes    y [S, H * Dh], qkv [S, K * (G + 2) * Dh], kv [blocks, R, 2, block_size, Dh]
// Layout    rap_cuda.h. Runs of 16 positions are contiguous in the cache
// Types     y, qkv, kv: f16 or bf16; scores, softmax and sums: fp32; weights of the
//           softmax are rounded to elements for the tensor cores
// Bytes     the keys and values of the context once: 4 * Dh * (position + 1) for each sequence and
//           retained group that it has
// Launch    grid  (K, S, parts): a block per head group, sequence and part of the context; the
//           number of parts follows from S * K and the device alone, blocks of short contexts
//           leave at once
//           block 192 threads (128 where G > 8): each warp takes every (parts * warps)-th run
//           shared at most 34 KiB, static
// Requires  what attention::fits says; the scratch zeroed once
// Aliasing  y overlaps nothing else
// Pair      oracle dev.rap.cuda.AttentionOracle

#include <algorithm>

#include "attention.cuh"
#include "attention_decode_warp.cuh"
#include "attention_shares.cuh"
#include "launch.cuh"

namespace {

using attention::Cache;
using attention::kRun;

constexpr int kWarps = 6;
constexpr int kBlocksPerProcessor = 2;  // as many as its registers hold

// A context is divided into parts: as many as give each multiprocessor a block if all contexts are
// alike, more for longer ones, as far as the grid has spare blocks for them.
constexpr int kSpareFactor = 4;
constexpr int kMostParts = 128;
constexpr int kFewestRuns = 4;  // worth a block
constexpr int kMostRuns = 64;   // of a block, while there are spare ones

__host__ __device__ constexpr int warps_of(int tiles) { return tiles == 1 ? kWarps : 4; }

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

// One warp's way through its runs: run, run + stride and so on of those that the context has.
// place: that of run.
template <typename Element, int kHeadSize, int kTiles>
__device__ void attend(attention::DecodeWarp<Element, kHeadSize, kTiles> &work,
                       const Step<Element> &step, int sequence, int group,
                       const attention::Places<Element, kHeadSize> &places, int place, int run,
                       int stride, int positions) {
  const Element *keys = step.cache.keys + places.group_at;
  const Element *values = step.cache.values + places.group_at;
  const Element *queries = step.qkv + sequence * step.qkv_stride +
                           static_cast<int64_t>(group) * (step.group_heads + 2) * kHeadSize;
  int64_t at = places.elements(place);
  int left = positions - run * kRun;
  work.load_keys(keys + at, left);
  work.load_values(values + at, left);
  while (true) {
    // What was multiplied leaves its registers to the next run's: a warp always has a run of keys
    // or of values on its way.
    const int next_left = left - stride * kRun;
    if (next_left > 0) {
      run += stride;
      at = places.elements(places.place(run));
    }
    float weights[kTiles][4];
    work.score(weights, queries, step.group_heads);
    if (next_left > 0) work.load_keys(keys + at, next_left);
    work.weigh(weights, left, step.scale);
    work.add_values(weights);
    if (next_left <= 0) break;
    work.load_values(values + at, next_left);
    left = next_left;
  }
}

template <typename Element, int kHeadSize, int kTiles>
__global__ void __launch_bounds__(32 * warps_of(kTiles), kBlocksPerProcessor)
attention_one(Step<Element> step) {
  constexpr int kBlockWarps = warps_of(kTiles);
  __shared__ attention::WarpShares<kHeadSize, kTiles, kBlockWarps> shares;
  rap::let_next_start();
  rap::wait_for_previous();
  const Cache<Element> &cache = step.cache;
  const int quads = step.group_heads * (kHeadSize / 4);
  const int sequence = blockIdx.y;
  const int part = blockIdx.z;
  const int warp = threadIdx.x / 32;

  // Each of these waits for memory: what does not depend on the other is asked for together.
  const int positions = __ldg(step.positions + sequence) + 1;
  const int rank = blockIdx.x;
  const int retained = attention::retained_groups(step.units, gridDim.x);
  if (rank >= retained) return;
  const int group = attention::retained_group(step.units, rank);
  const int pair = sequence * gridDim.x + group;
  const bool present = __ldg(cache.present + pair) != 0;
  const int runs = (positions + kRun - 1) / kRun;
  const int parts = parts_of(runs, step.even_parts, gridDim.z);
  // Neighbouring runs are of different blocks, so that all parts are of like length.
  const int run = warp * parts + part;
  const attention::Places<Element, kHeadSize> places(cache, sequence, rank, retained);
  const int place = run < runs ? places.place(run) : 0;

  Element *y = step.y + sequence * step.y_stride + 4 * static_cast<int64_t>(group) * quads;
  if (runs == 0 || !present) {
    for (int i = threadIdx.x; part == 0 && i < quads; i += blockDim.x) {
      store(y + 4 * i, make_float4(0.f, 0.f, 0.f, 0.f), 0.f);
    }
    return;
  }
  if (part >= parts) return;

  if (run < runs) {
    attention::DecodeWarp<Element, kHeadSize, kTiles> work;
    attend(work, step, sequence, group, places, place, run, parts * kBlockWarps, positions);
    shares.put(warp, work);
  }
  __syncthreads();

  // Shares are added in the order of warps and parts, whichever are ready first: the same bits
  // always.
  int warps = min(kBlockWarps, (runs - part + parts - 1) / parts);
  if (parts > 1) {
    const attention::PartShares records{
        step.records + static_cast<int64_t>(pair) * gridDim.z *
                           attention::record_floats(step.group_heads, kHeadSize),
        step.group_heads, kHeadSize};
    for (int i = threadIdx.x; i < quads; i += blockDim.x) {
      records.put(part, i, shares.combined(warps, i, step.scale));
    }
    if (!attention::is_last(step.counters + pair, parts)) return;
    attention::gather(shares, records, parts, step.scale);
    __syncthreads();
    warps = min(kBlockWarps, parts);
  }
  for (int i = threadIdx.x; i < quads; i += blockDim.x) {
    const attention::Share share = shares.combined(warps, i, step.scale);
    store(y + 4 * i, share.sum, 1.f / share.total);
  }
}

// ---- Host

// How the work is divided, which follows from its shape and the device alone.
struct Division {
  int even_parts;   // of each sequence and group, where contexts are of like length
  int parts;        // at most
  int counters;     // the same for every S: launches of different S share a scratch
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
  const int64_t even = std::min(most, std::max<int64_t>(1, processors / pairs));
  division->even_parts = static_cast<int>(even);
  division->parts = static_cast<int>(std::max(even, std::min(most, kSpareFactor * blocks / pairs)));
  division->counters = static_cast<int>(kSpareFactor * blocks);
  division->records = std::min(kSpareFactor * blocks, pairs * kMostParts);
  return cudaSuccess;
}

template <typename Element, int kHeadSize>
int launch(void *stream, const Step<Element> &step, dim3 grid) {
  return step.group_heads <= 8
             ? rap::enqueue<attention_one<Element, kHeadSize, 1>>(stream, grid, 32 * warps_of(1),
                                                                  0, step)
             : rap::enqueue<attention_one<Element, kHeadSize, 2>>(stream, grid, 32 * warps_of(2),
                                                                  0, step);
}

template <typename Element>
int launch(void *stream, const Step<Element> &step, dim3 grid, int head_size) {
  switch (head_size) {
    case 32: return launch<Element, 32>(stream, step, grid);
    case 64: return launch<Element, 64>(stream, step, grid);
    case 96: return launch<Element, 96>(stream, step, grid);
    default: return launch<Element, 128>(stream, step, grid);
  }
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
             attention::record_floats(group_heads, head_size);
}

namespace {

template <typename Element>
int attend_one(void *stream, void *y, int64_t y_stride, const void *qkv, int64_t qkv_stride,
               int groups, int group_heads, int head_size, const void *kv,
               const int32_t *positions, const int32_t *tables, int table_stride, int block_size,
               const uint8_t *present, int sequences, const int32_t *units, void *scratch) {
  Division division;
  const cudaError_t error = divide(sequences, groups, &division);
  if (error != cudaSuccess) return error;
  Step<Element> step;
  step.y = static_cast<Element *>(y);
  step.y_stride = y_stride;
  step.qkv = static_cast<const Element *>(qkv);
  step.qkv_stride = qkv_stride;
  step.cache = {kv, tables, table_stride, block_size, head_size, present};
  step.positions = positions;
  step.units = units;
  step.group_heads = group_heads;
  step.scale = attention::exponent_scale(head_size);
  step.even_parts = division.even_parts;
  step.counters = static_cast<unsigned *>(scratch);
  step.records = reinterpret_cast<float *>(static_cast<char *>(scratch) + division.record_offset());
  return launch(stream, step, dim3(groups, sequences, division.parts),
                head_size);
}

}  // namespace

extern "C" int rap_cuda_attention_one(void *stream, int type, void *y, int64_t y_stride,
                                      const void *qkv, int64_t qkv_stride, int groups,
                                      int group_heads, int head_size, const void *kv,
                                      const int32_t *positions, const int32_t *tables,
                                      int table_stride, int block_size, const uint8_t *present,
                                      int sequences, const int32_t *units, void *scratch) {
  if (!attention::fits(type, y_stride, qkv_stride, groups, group_heads, head_size, table_stride,
                       block_size) ||
      sequences < 1 || sequences > 65535) {
    return RAP_CUDA_BAD_ARGUMENT;
  }
  const auto attend = type == RAP_CUDA_F16 ? attend_one<__half> : attend_one<__nv_bfloat16>;
  return attend(stream, y, y_stride, qkv, qkv_stride, groups, group_heads, head_size, kv, positions,
                tables, table_stride, block_size, present, sequences, units, scratch);
}
