// attention_many.cu: causal attention of many tokens of each sequence over the paged KV cache
// (prefill).
//
// Math      y[t, h] = sum over p <= position(t) of softmax(q[t, h] . key[p] / sqrt(Dh)) * value[p],
//           by the online softmax over tiles of 64 positions
// Source    Dao 2023, arXiv:2307.08691 (FlashAttention-2)
// Shapes    y [T, H * Dh], qkv [T, K * (G + 2) * Dh], kv [blocks, R, 2, block_size, Dh],
//           tiles [tiles, 4]
// Layout    rap_cuda.h. Runs of 16 positions are contiguous in the cache
// Types     y, qkv, kv: f16 or bf16; scores, softmax and sums: fp32; weights of the
//           softmax are rounded to elements for the tensor cores
// Work      4 * Dh flops for each token, head and position that it sees: bound by the tensor cores
// Launch    grid  (K * head blocks, tiles): a block per tile of tokens and two heads of a group, or
//           one; the last tile is first, since the later tiles of a prompt are the longest
//           block 128 threads: a warp for 32 tokens of a head, or 16
//           shared (64 * heads + 256) rows of Dh + 8 elements, dynamic
// Requires  what attention::fits says; at most 65535 tiles
// Aliasing  y overlaps nothing else
// Pair      oracle dev.rap.cuda.AttentionOracle

#include "attention.cuh"
#include "attention_prefill_tile.cuh"
#include "attention_prefill_warp.cuh"

namespace {

using attention::Cache;
using attention::Part;

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

// What this block does. False if its group is not retained.
template <typename Shape>
__device__ bool find_part(const Step<typename Shape::Element> &step, Part *part) {
  constexpr int kHeads = Shape::kHeads;
  const int head_blocks = (step.group_heads + kHeads - 1) / kHeads;
  const int4 tile = __ldg(step.tiles + (gridDim.y - 1 - blockIdx.y));
  part->sequence = tile.x;
  part->token = tile.y;
  part->tokens = tile.z;
  part->position = tile.w;
  part->rank = blockIdx.x / head_blocks;
  part->retained = attention::retained_groups(step.units, step.groups);
  if (part->rank >= part->retained) return false;
  part->group = attention::retained_group(step.units, part->rank);
  part->head = blockIdx.x % head_blocks * kHeads;
  part->heads = min(kHeads, step.group_heads - part->head);
  return true;
}

// Writes the warp's rows of y: those in shared memory, or zeros.
template <typename Shape>
__device__ void store(const Step<typename Shape::Element> &step, const Part &part,
                      const typename Shape::Memory *memory) {
  if (Shape::head() >= part.heads) return;
  const int64_t head = part.group * step.group_heads + part.head + Shape::head();
  auto *y = step.y + part.token * step.y_stride + head * Shape::kHeadSize;
  for (int i = threadIdx.x % 32; i < Shape::kWarpRows * Shape::kChunks; i += 32) {
    const int row = i / Shape::kChunks;
    const int column = i % Shape::kChunks * 8;
    const int token = Shape::first_token() + row;
    if (token >= part.tokens) return;
    uint4 v = make_uint4(0, 0, 0, 0);
    if (memory != nullptr) {
      v = *reinterpret_cast<const uint4 *>(&memory->queries[Shape::first_row() + row][column]);
    }
    *reinterpret_cast<uint4 *>(y + token * step.y_stride + column) = v;
  }
}

template <typename Shape>
__global__ void __launch_bounds__(Shape::kThreads, Shape::kBlocks)
attention_many(Step<typename Shape::Element> step) {
  extern __shared__ __align__(16) unsigned char bytes[];
  auto &memory = *reinterpret_cast<typename Shape::Memory *>(bytes);

  Part part;
  if (!find_part<Shape>(step, &part)) return;
  if (__ldg(step.cache.present + part.sequence * step.groups + part.group) == 0) {
    store<Shape>(step, part, nullptr);
    return;
  }
  attention::Copier<Shape> copier(step.cache, part);
  const int64_t column =
      (static_cast<int64_t>(part.group) * (step.group_heads + 2) + part.head) * Shape::kHeadSize;
  attention::copy_queries<Shape>(memory, step.qkv + part.token * step.qkv_stride + column,
                                 step.qkv_stride, part);
  copier.copy(memory, 0);

  attention::PrefillWarp<Shape> work;
  // A warp whose tokens or head are not there only copies.
  const bool works = Shape::first_token() < part.tokens && Shape::head() < part.heads;
  const int tiles = (part.context() + Shape::kPositions - 1) / Shape::kPositions;
  for (int tile = 0; tile < tiles; tile++) {
    // This tile is here, and all warps are done with the one that the next is copied over.
    attention::wait_for_copies();
    __syncthreads();
    if (tile + 1 < tiles) copier.copy(memory, tile + 1);
    // How far the warp's first token is past the tile's first position.
    const int ahead = part.position + Shape::first_token() - tile * Shape::kPositions;
    if (!works || ahead <= -Shape::kWarpRows) continue;
    typename decltype(work)::Scores scores;
    work.score(scores, memory, tile % Shape::kStages);
    if (ahead < Shape::kPositions - 1) work.mask(scores, ahead);
    work.weigh(scores, step.scale);
    work.add_values(scores, memory, tile % Shape::kStages);
  }
  if (!works) return;
  work.finish(memory);
  store<Shape>(step, part, &memory);
}

// ---- Host

template <typename Shape>
cudaError_t launch(cudaStream_t stream, const Step<typename Shape::Element> &step, int tiles) {
  constexpr int kBytes = sizeof(typename Shape::Memory);
  const auto kernel = attention_many<Shape>;
  const cudaError_t error =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
  if (error != cudaSuccess) return error;
  const int head_blocks = (step.group_heads + Shape::kHeads - 1) / Shape::kHeads;
  kernel<<<dim3(step.groups * head_blocks, tiles), Shape::kThreads, kBytes, stream>>>(step);
  return cudaGetLastError();
}

// Two heads of a block share keys and values, and warps of 32 rows use each fragment of them twice:
// with 16 the tensor cores wait for shared memory. Where heads are small, they wait less than the
// warps cost that an odd number of heads leaves idle. And 99 KiB of shared memory, all that a block
// has on some devices, are too few for two heads of Dh = 128.
template <typename Element, int kHeadSize>
cudaError_t launch(cudaStream_t stream, const Step<Element> &step, int tiles) {
  using Two = attention::PrefillShape<Element, kHeadSize, 2, 2>;
  using One = attention::PrefillShape<Element, kHeadSize, 1, 1>;
  int device;
  int bytes;
  cudaError_t error = cudaGetDevice(&device);
  if (error != cudaSuccess) return error;
  error = cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  if (error != cudaSuccess) return error;
  const bool pairs = step.group_heads % 2 == 0 || (step.group_heads > 1 && kHeadSize > 64);
  const bool fits = static_cast<int>(sizeof(typename Two::Memory)) <= bytes;
  return pairs && fits ? launch<Two>(stream, step, tiles) : launch<One>(stream, step, tiles);
}

template <typename Element>
int attend_many(void *stream, void *y, int64_t y_stride, const void *qkv, int64_t qkv_stride,
                int groups, int group_heads, int head_size, const void *kv, const int32_t *tiles,
                int tile_count, const int32_t *tables, int table_stride, int block_size,
                const uint8_t *present, const int32_t *units) {
  Step<Element> step;
  step.y = static_cast<Element *>(y);
  step.y_stride = y_stride;
  step.qkv = static_cast<const Element *>(qkv);
  step.qkv_stride = qkv_stride;
  step.cache = {kv, tables, table_stride, block_size, head_size, present};
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
                                       int group_heads, int head_size, const void *kv,
                                       const int32_t *tiles, int tile_count, const int32_t *tables,
                                       int table_stride, int block_size, const uint8_t *present,
                                       const int32_t *units) {
  if (!attention::fits(type, y_stride, qkv_stride, groups, group_heads, head_size, table_stride,
                       block_size) ||
      tile_count < 1 || tile_count > 65535) {
    return RAP_CUDA_BAD_ARGUMENT;
  }
  const auto attend = type == RAP_CUDA_F16 ? attend_many<__half> : attend_many<__nv_bfloat16>;
  return attend(stream, y, y_stride, qkv, qkv_stride, groups, group_heads, head_size, kv, tiles,
                tile_count, tables, table_stride, block_size, present, units);
}
