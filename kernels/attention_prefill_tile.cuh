// attention_prefill_tile.cuh: how a block of attention_many.cu brings queries, keys and values to
// shared memory.
#ifndef RAP_ATTENTION_PREFILL_TILE_CUH
#define RAP_ATTENTION_PREFILL_TILE_CUH

#include "attention.cuh"

namespace attention {

// A tile of tokens and the heads of one block.
struct Part {
  int sequence;
  int token;  // of the step
  int tokens;
  int position;  // of the first token
  int group;
  int rank;      // of the group among the retained ones
  int retained;  // groups
  int head;      // of the group
  int heads;     // that there are from it on, at most those of a block

  __device__ int context() const { return position + tokens; }
};

// The shape of a block's work: a tile of tokens of kHeads heads, whose warps have kOperands
// operands A of 16 tokens each. Rows are the tile's tokens, head after head.
template <typename E, int kHeadElements, int kBlockHeads, int kWarpOperands>
struct PrefillShape {
  using Element = E;
  static constexpr int kHeadSize = kHeadElements;
  static constexpr int kHeads = kBlockHeads;
  static constexpr int kOperands = kWarpOperands;
  static constexpr int kTokens = RAP_CUDA_TILE_TOKENS;
  static constexpr int kPositions = 64;  // of a tile of keys and values
  static constexpr int kStages = 2;      // tiles in shared memory
  static constexpr int kWarpRows = 16 * kOperands;
  static constexpr int kThreads = kHeads * kTokens / kWarpRows * 32;
  static constexpr int kChunks = kHeadSize / 8;  // of 16 bytes, of a row
  // Least blocks of a multiprocessor, for the compiler; 0: as it likes. Where shared memory holds
  // three, it would spill registers for a fourth.
  static constexpr int kBlocks = kHeads == 1 && kHeadSize == 96 ? 3 : 0;
  // Eight rows lie in different banks: Dh is a multiple of 32 elements, a row 16 bytes longer.
  static constexpr int kStride = kHeadSize + 8;

  struct Memory {
    Element queries[kHeads * kTokens][kStride];
    struct {
      Element keys[kPositions][kStride];
      Element values[kPositions][kStride];
    } stages[kStages];
  };

  // Of the warp.
  static __device__ int first_row() { return threadIdx.x / 32 * kWarpRows; }
  static __device__ int first_token() { return first_row() % kTokens; }
  static __device__ int head() { return first_row() / kTokens; }
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

// Copies the part's queries, [tokens, qkv_stride] from its first head on; rows of tokens and heads
// that are not there become zeros.
template <typename Shape>
__device__ void copy_queries(typename Shape::Memory &memory, const typename Shape::Element *queries,
                             int64_t stride, const Part &part) {
  for (int i = threadIdx.x; i < Shape::kHeads * Shape::kTokens * Shape::kChunks;
       i += Shape::kThreads) {
    const int row = i / Shape::kChunks;
    const int column = i % Shape::kChunks * 8;
    const int head = row / Shape::kTokens;
    const int token = row % Shape::kTokens;
    const bool there = head < part.heads && token < part.tokens;
    const int64_t at = there ? token * stride + head * Shape::kHeadSize + column : 0;
    copy16(&memory.queries[row][column], queries + at, there);
  }
}

// Brings keys and values of the part's group, tile by tile.
template <typename Shape>
struct Copier {
  using Element = typename Shape::Element;
  static constexpr int kTileRuns = Shape::kPositions / kRun;
  static constexpr int kTeams = Shape::kThreads / 64;

  const Cache<Element> &cache;
  Places<Element, Shape::kHeadSize> places;
  int context;
  int place;  // of the next tile's run threadIdx.x % kTileRuns

  __device__ Copier(const Cache<Element> &cache, const Part &part)
      : cache(cache),
        places(cache, part.sequence, part.rank, part.retained),
        context(part.context()) {
    look_up(0);
  }

  // Ahead of the copy, which would wait for the table.
  __device__ void look_up(int tile) {
    const int run = tile * kTileRuns + threadIdx.x % kTileRuns;
    place = run * kRun < context ? places.place(run) : 0;
  }

  // Teams of 64 threads copy a run each, which is kHeadSize / 32 pieces of 64 * 16 bytes. Positions
  // past the context, which nobody may have written, become zeros: weights of 0 would not undo a
  // NaN.
  __device__ void copy(typename Shape::Memory &memory, int tile) {
    auto &stage = memory.stages[tile % Shape::kStages];
    const int left = context - tile * Shape::kPositions;
    const int thread = threadIdx.x % 64;
#pragma unroll
    for (int n = 0; n < kTileRuns / kTeams; n++) {
      const int run = n * kTeams + threadIdx.x / 64;
      const int run_place = __shfl_sync(0xffffffffu, place, run);
      const int64_t at = places.group_at + places.elements(run_place) + thread * 8;
#pragma unroll
      for (int piece = 0; piece < Shape::kHeadSize / 32; piece++) {
        const int chunk = piece * 64 + thread;
        const int row = run * kRun + chunk / Shape::kChunks;
        const int column = chunk % Shape::kChunks * 8;
        copy16(&stage.keys[row][column], cache.keys + at + piece * 512, row < left);
        copy16(&stage.values[row][column], cache.values + at + piece * 512, row < left);
      }
    }
    commit_copies();
    look_up(tile + 1);
  }
};

}  // namespace attention

#endif
