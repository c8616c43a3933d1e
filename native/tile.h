// tile.h: the inner loop of everything that multiplies matrices of floats.

#ifndef RAP_TILE_H
#define RAP_TILE_H

#include "simd.h"

enum { TILE_LANES = 2 * W };  // columns of c

// c[i, lane] = (add ? c[i, lane] : 0) + sum over j < depth of a[j, i] * b[j, lane], for i < n.
// The steps are the distances between rows, in elements.
INLINE void multiply_tile(const int n, int64_t depth, const float* a, int64_t a_step,
                          const float* b, int64_t b_step, float* c, int64_t c_step, int add) {
  vf low[12], high[12];
#pragma GCC unroll 12
  for (int i = 0; i < n; i++) {
    low[i] = add ? load(c + i * c_step) : splat(0);
    high[i] = add ? load(c + i * c_step + W) : splat(0);
  }
  for (int64_t j = 0; j < depth; j++) {
    vf b_low = load(b);
    vf b_high = load(b + W);
#pragma GCC unroll 12
    for (int i = 0; i < n; i++) {
      vf x = splat(a[i]);
      low[i] += x * b_low;
      high[i] += x * b_high;
    }
    a += a_step;
    b += b_step;
  }
#pragma GCC unroll 12
  for (int i = 0; i < n; i++) {
    store(c + i * c_step, low[i]);
    store(c + i * c_step + W, high[i]);
  }
}

// The same for n that is not a constant, 1 ... TILE.
static inline void multiply_tile_of(int n, int64_t depth, const float* a, int64_t a_step,
                                    const float* b, int64_t b_step, float* c, int64_t c_step,
                                    int add) {
#define CASE_(n) \
  case n: multiply_tile(n, depth, a, a_step, b, b_step, c, c_step, add); break;
  switch (n) {
    CASE_(1) CASE_(2) CASE_(3) CASE_(4) CASE_(5) CASE_(6)
#if W == 16
    CASE_(7) CASE_(8) CASE_(9) CASE_(10) CASE_(11) CASE_(12)
#endif
  }
#undef CASE_
}

#endif
