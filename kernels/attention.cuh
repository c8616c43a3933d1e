// attention.cuh: what attention_one.cu and attention_many.cu share: element types, tensor core
// instructions on their fragments, and the way from a position to its slot.
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

// Keys and values of one layer, and where the tokens of the sequences lie in them.
template <typename Element>
struct Cache {
  const Element *keys;     // [K, slots, Dh], group_stride from one group to the next
  const Element *values;   // likewise
  int64_t group_stride;    // elements
  const int32_t *tables;   // [S, table_stride] KvBlocks
  int table_stride;
  int block_size;          // slots, a multiple of kRun
  const uint8_t *present;  // [S, K]
};

// The first slot of a run of kRun positions; `table` is the sequence's row of the tables.
__device__ inline int64_t first_slot(const int32_t *table, int block_size, int run) {
  const int block_runs = block_size / kRun;
  const int block = run / block_runs;
  const int within = (run - block * block_runs) * kRun;
  return static_cast<int64_t>(__ldg(table + block)) * block_size + within;
}

// The group that is `index` among the retained ones, or -1. A table of units: rap_cuda.h.
__device__ inline int retained_group(const int32_t *units, int index) {
  if (units == nullptr) return index;
  return index < __ldg(units) ? __ldg(units + 1 + index) : -1;
}

// What scores are multiplied by to be exponents of two.
inline float exponent_scale(int head_size) {
  return 1.4426950408889634f / sqrtf(static_cast<float>(head_size));
}

// Whether the arguments that both functions have are as rap_cuda.h says.
inline bool fits(int type, int64_t y_stride, int64_t qkv_stride, int groups, int group_heads,
                 int head_size, int64_t group_stride, int table_stride, int block_size) {
  return (type == RAP_CUDA_F16 || type == RAP_CUDA_BF16) && y_stride % 8 == 0 &&
         qkv_stride % 8 == 0 && group_stride % 8 == 0 && groups >= 1 && groups <= 65535 &&
         group_heads >= 1 && group_heads <= 16 && head_size >= 32 && head_size <= 128 &&
         head_size % 32 == 0 && table_stride >= 1 && block_size >= kRun && block_size % kRun == 0;
}

}  // namespace attention

#endif
