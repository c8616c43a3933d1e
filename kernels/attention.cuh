// attention.cuh: what attention_one.cu and attention_many.cu share: element types, tensor core
// instructions on their fragments, and the way from a position to its place in the cache.
//
// Fragments are those of mma.m16n8k16 (PTX ISA, "Matrix fragments for mma.m16n8k16"). Of lane
// 4 * r + j they hold: A rows r and r + 8, B column r, of both k in {2j, 2j + 1, 2j + 8, 2j + 9};
// C rows r and r + 8, columns 2j and 2j + 1.
#ifndef RAP_ATTENTION_CUH
#define RAP_ATTENTION_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <stdint.h>

#include "mma.cuh"
#include "rap_cuda.h"

namespace attention {

// Positions that are sure to be neighbours in the cache: block_size is a multiple of it.
constexpr int kRun = 16;

// ---- Elements

// Two elements in a word, `low` at the lower address.
template <typename Element>
__device__ uint32_t pack(float low, float high);

template <>
__device__ inline uint32_t pack<__half>(float low, float high) {
  uint32_t word;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}

template <>
__device__ inline uint32_t pack<__nv_bfloat16>(float low, float high) {
  uint32_t word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}

// 2^x; 0 for minus infinity.
__device__ inline float power_of_two(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// ---- Tensor cores

// c += a b, of 16 x 16 and 16 x 8 elements.
template <typename Element>
__device__ void multiply(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  rap::multiply<Element>(c, a[0], a[1], a[2], a[3], b0, b1);
}

// ---- Reductions over the lanes that hold one row or one column of C

// Lanes 4 * r + j of the same r.
template <typename Operation>
__device__ inline float over_row(float x, Operation operation) {
  x = operation(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return operation(x, __shfl_xor_sync(0xffffffffu, x, 2));
}

// Lanes 4 * r + j of the same j.
template <typename Operation>
__device__ inline float over_column(float x, Operation operation) {
  x = operation(x, __shfl_xor_sync(0xffffffffu, x, 4));
  x = operation(x, __shfl_xor_sync(0xffffffffu, x, 8));
  return operation(x, __shfl_xor_sync(0xffffffffu, x, 16));
}

struct Greater {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
};

// ---- The cache

// Keys and values of one layer in runs of kRun rows of Dh elements, [blocks, R, 2, block_runs], and
// where the tokens of the sequences lie in them.
template <typename Element>
struct Cache {
  const Element *keys;    // the whole array
  const Element *values;  // likewise, less the first keys: as far from any keys as their values are
  const int32_t *tables;  // [S, table_stride] KvBlocks
  int table_stride;
  int block_runs;          // of a head group's keys in a KvBlock, and of its values
  const uint8_t *present;  // [S, K]

  Cache() = default;
  Cache(const void *kv, const int32_t *tables, int table_stride, int block_size, int head_size,
        const uint8_t *present)
      : keys(static_cast<const Element *>(kv)),
        values(keys + block_size * head_size),
        tables(tables),
        table_stride(table_stride),
        block_runs(block_size / kRun),
        present(present) {}
};

// Where the keys of one sequence and head group are. Registers are short: what the cache's
// constants give is not kept.
template <typename Element, int kHeadSize>
struct Places {
  const Cache<Element> &cache;
  const int32_t *table;  // the sequence's row of the tables
  int retained;          // groups
  int group_at;          // elements from a KvBlock to the group

  // rank: of the group among the retained ones.
  __device__ Places(const Cache<Element> &cache, int sequence, int rank, int retained)
      : cache(cache),
        table(cache.tables + static_cast<int64_t>(sequence) * cache.table_stride),
        retained(retained),
        group_at(2 * rank * cache.block_runs * kRun * kHeadSize) {}

  // From the group in the first KvBlock to the keys of positions [kRun * run, kRun * (run + 1)), in
  // runs: 2^31 are terabytes.
  __device__ int place(int run) const {
    const int block = run / cache.block_runs;
    const int within = run - block * cache.block_runs;
    return __ldg(table + block) * (2 * retained * cache.block_runs) + within;
  }

  static __device__ int64_t elements(int runs) {
    return static_cast<int64_t>(runs) * (kRun * kHeadSize);
  }
};

// How many of all groups are retained. A table of units: rap_cuda.h.
__device__ inline int retained_groups(const int32_t *units, int groups) {
  return units == nullptr ? groups : __ldg(units);
}

// The group of that rank among the retained ones.
__device__ inline int retained_group(const int32_t *units, int rank) {
  return units == nullptr ? rank : __ldg(units + 1 + rank);
}

// What scores are multiplied by to be exponents of two.
inline float exponent_scale(int head_size) {
  return 1.4426950408889634f / sqrtf(static_cast<float>(head_size));
}

// Whether the arguments that both functions have are as rap_cuda.h says.
inline bool fits(int type, int64_t y_stride, int64_t qkv_stride, int groups, int group_heads,
                 int head_size, int table_stride, int block_size) {
  return (type == RAP_CUDA_F16 || type == RAP_CUDA_BF16) && y_stride % 8 == 0 &&
         qkv_stride % 8 == 0 && groups >= 1 && groups <= 65535 && group_heads >= 1 &&
         group_heads <= 16 && head_size >= 32 && head_size <= 128 && head_size % 32 == 0 &&
         table_stride >= 1 && block_size >= kRun && block_size % kRun == 0 &&
         2 * static_cast<int64_t>(groups) * block_size * head_size <= INT32_MAX;
}

}  // namespace attention

#endif
