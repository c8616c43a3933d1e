// product_bf16.c: products of bf16 weights with many activations that are rounded to bf16.
//
// vdpbf16ps multiplies neighbours and adds both products to a float32. It takes subnormals for
// zeros.

#include "product.h"

#if defined(__AVX512BF16__)

_Static_assert(PANEL == 2 * W, "a panel's rows are the lanes of two vectors");

enum { DEPTH = 64 };         // groups whose weights are unpacked at a time
enum { PAIRS = GROUP / 2 };  // neighbours in a group

// Packed as [tile, group, PAIRS, TILE] pairs, so that the tokens of a tile lie side by side.
static size_t many_tile_bytes(int group_count) {
  return (size_t)group_count * PAIRS * TILE * sizeof(int32_t);
}

static size_t many_member_bytes(int group_count) {
  (void)group_count;
  return (size_t)DEPTH * PAIRS * PANEL * sizeof(int32_t);
}

static void many_pack(const struct part* part, int tile) {
  int32_t* to = (int32_t*)part->activations + (int64_t)tile * part->group_count * PAIRS * TILE;
  int first = tile * TILE;
  int tokens = part->tokens - first < TILE ? part->tokens - first : TILE;
  for (int g = 0; g < part->group_count; g++, to += PAIRS * TILE) {
    const struct group* group = &part->groups[g];
    for (int t = 0; t < tokens; t++) {
      const float* x = part->x + (first + t) * part->product->x_stride + group->column;
      float all[GROUP] = {0};
      if (group->elements < GROUP) {
        memcpy(all, x, (size_t)group->elements * sizeof(float));
        x = all;
      }
      int32_t pairs[PAIRS];
      *(vi_anywhere*)pairs = (vi)_mm512_cvtne2ps_pbh(load(x + W), load(x));
      for (int i = 0; i < PAIRS; i++) to[i * TILE + t] = pairs[i];
    }
  }
}

// b[group, PAIRS, PANEL]: lanes are rows.
static void unpack(const struct part* part, const struct panel* panel,
                   int first_group, int groups, int32_t* b) {
  for (int r = 0; r < PANEL; r += W) {
    const uint8_t* rows[W];
    for (int i = 0; i < W; i++) rows[i] = row_at(part, panel, r + i);
    int32_t* to = b + r;
    for (int g = first_group; g < first_group + groups; g++) {
      const struct group* group = &part->groups[g];
      vf v[W];
#pragma GCC unroll 16
      for (int i = 0; i < W; i++) {
        if (group->elements == GROUP) {
          v[i] = load((const float*)(rows[i] + group->offset));
        } else {
          uint16_t all[GROUP] = {0};
          memcpy(all, rows[i] + group->offset, (size_t)group->elements * 2);
          v[i] = load((const float*)all);
        }
      }
      transpose(v);
#pragma GCC unroll 16
      for (int i = 0; i < PAIRS; i++, to += PANEL) *(vi_anywhere*)to = (vi)v[i];
    }
  }
}

INLINE void multiply_pairs(const int n, int depth, const int32_t* a, const int32_t* b, float* c,
                           int add) {
  __m512 low[TILE], high[TILE];
#pragma GCC unroll 12
  for (int t = 0; t < n; t++) {
    low[t] = add ? load(c + t * PANEL) : splat(0);
    high[t] = add ? load(c + t * PANEL + W) : splat(0);
  }
  for (int j = 0; j < depth; j++, a += TILE, b += PANEL) {
    __m512bh b_low = (__m512bh)_mm512_loadu_si512(b);
    __m512bh b_high = (__m512bh)_mm512_loadu_si512(b + W);
#pragma GCC unroll 12
    for (int t = 0; t < n; t++) {
      __m512bh x = (__m512bh)_mm512_set1_epi32(a[t]);
      low[t] = _mm512_dpbf16_ps(low[t], b_low, x);
      high[t] = _mm512_dpbf16_ps(high[t], b_high, x);
    }
  }
#pragma GCC unroll 12
  for (int t = 0; t < n; t++) {
    store(c + t * PANEL, low[t]);
    store(c + t * PANEL + W, high[t]);
  }
}

static void multiply_pairs_of(int n, int depth, const int32_t* a, const int32_t* b, float* c,
                              int add) {
#define CASE_(n) \
  case n: multiply_pairs(n, depth, a, b, c, add); break;
  switch (n) {
    CASE_(1) CASE_(2) CASE_(3) CASE_(4) CASE_(5) CASE_(6)
    CASE_(7) CASE_(8) CASE_(9) CASE_(10) CASE_(11) CASE_(12)
  }
#undef CASE_
}

static void many_multiply(const struct part* part, const struct panel* panel,
                          int first_tile, int tokens, float* out, void* space) {
  if (part->group_count == 0) memset(out, 0, (size_t)tokens * PANEL * sizeof(float));
  for (int g = 0; g < part->group_count; g += DEPTH) {
    int groups = part->group_count - g < DEPTH ? part->group_count - g : DEPTH;
    fetch_panel(part, panel, g, groups);
    unpack(part, panel, g, groups, space);
    for (int t = 0; t < tokens; t += TILE) {
      int64_t tile = first_tile + t / TILE;
      const int32_t* a = (const int32_t*)part->activations +
                         (tile * part->group_count + g) * PAIRS * TILE;
      multiply_pairs_of(tokens - t < TILE ? tokens - t : TILE, groups * PAIRS, a, space,
                        out + t * PANEL, g > 0);
    }
  }
}

const struct method VARIANT(bf16_many) = {0, many_tile_bytes, many_member_bytes, many_pack,
                                          many_multiply};

#endif
