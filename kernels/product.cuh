// product.cuh: what the products with few tokens share: the way of weights through shared memory.
//
// A block of kWarps warps works on tiles of 16 x 16 or 16 x 32 weights, which are the A operand of
// mma.m16n8k16; 8 tokens are its n. Warps are groups of kGroup that share the activations of one
// part of k and have different outputs; kParts = kWarps / kGroup groups have different parts of k,
// and their sums are added in the order of the groups. Each group has a ring of kStages stages in
// shared memory that asynchronous copies fill, so that kStages - 1 stages are always under way.
#ifndef RAP_PRODUCT_CUH
#define RAP_PRODUCT_CUH

#include <cuda_runtime.h>
#include <stdint.h>

#include "units.cuh"

namespace rap {

constexpr int kWarps = 8;
constexpr int kThreads = 32 * kWarps;
constexpr int kEight = 8;  // tokens of one mma

__device__ inline uint32_t shared_address(const void *shared) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(shared));
}

// Starts copying 16 bytes from global to shared memory, past L1.
__device__ inline void copy_async(void *to, const void *from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(to)), "l"(from)
               : "memory");
}

// The same, and has L2 fetch the line that they lie in: the rest of it is read next.
__device__ inline void stream_async(void *to, const void *from) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" ::"r"(shared_address(to)),
               "l"(from)
               : "memory");
}

// Ends a batch of copies of this thread.
__device__ inline void commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most kPending batches of this thread are under way.
template <int kPending>
__device__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

// A barrier of one group of warps. compute-sanitizer's racecheck takes two groups that have passed
// unequal numbers of barriers for ones that the next __syncthreads does not order, so a group with
// less work passes one more at the end.
template <int kGroup>
__device__ void group_barrier(int group) {
  if constexpr (kGroup == 1) {
    __syncwarp();
  } else {
    asm volatile("bar.sync %0, %1;" ::"r"(1 + group), "n"(32 * kGroup) : "memory");
  }
}

__host__ __device__ constexpr int ceil_of(int a, int b) { return (a + b - 1) / b; }

// The arguments that all products have.
inline bool fits(int64_t x_stride, int tokens, int rows, int d, const int32_t *units,
                 int unit_rows) {
  return tokens >= 1 && tokens <= RAP_CUDA_FEW_TOKENS && rows >= 1 && d >= 64 && d % 64 == 0 &&
         x_stride % 8 == 0 &&
         (units == nullptr || (unit_rows >= kTileRows && unit_rows % kTileRows == 0 &&
                               rows % kTileRows == 0));
}

}  // namespace rap

#endif
