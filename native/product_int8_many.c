// product_int8_many.c: products of block types with many tokens, whose activations are rounded to 8
// bits. 16 rows are unpacked once, a row to a lane, then multiplied tile by tile.

#include "product.h"

#if defined(__AVX512VNNI__)

#include "int8.h"

enum { DEPTH = 128 };  // groups that are unpacked at a time
enum { QUADS = GROUP / 4 };

// A tile's group: the tokens lie side by side.
struct tile_group {
  int32_t bytes[QUADS][TILE];  // four activations
  // For each scale that a group has: -zero * sum of activations; for types with a minimum, float:
  // scale * sum of activations.
  int32_t start[2][TILE];
  float scale[TILE];
};

// 16 rows' group.
struct row_group {
  __m512i bytes[QUADS];
  __m512 scale[2];    // one, or one for each half
  __m512 minimum[2];  // for types that have one
};

static size_t many_tile_bytes(int group_count) {
  return (size_t)group_count * sizeof(struct tile_group);
}

static size_t many_member_bytes(int group_count) {
  (void)group_count;
  return DEPTH * sizeof(struct row_group);
}

static void many_pack(const struct part* part, int tile) {
  int dtype = part->w->dtype;
  struct tile_group* to = (struct tile_group*)part->activations + (int64_t)tile * part->group_count;
  int first = tile * TILE;
  int tokens = part->tokens - first < TILE ? part->tokens - first : TILE;
  for (int g = 0; g < part->group_count; g++, to++) {
    const struct group* group = &part->groups[g];
    for (int t = 0; t < tokens; t++) {
      const float* x = part->x + (first + t) * part->product->x_stride + group->column;
      struct rounded r = round_group(x, group->elements);
      int32_t quads[QUADS];
      _mm256_storeu_si256((__m256i*)quads, r.bytes);
      for (int i = 0; i < QUADS; i++) to->bytes[i][t] = quads[i];
      to->scale[t] = r.scale;
      __m256i sums = sums_of_four(r.bytes);
      int halves[2] = {sum_of_four(_mm256_castsi256_si128(sums)),
                       sum_of_four(_mm256_extracti128_si256(sums, 1))};
      if (scales_of(dtype) == 1) halves[0] += halves[1];
      for (int h = 0; h < scales_of(dtype); h++) {
        float minimum = r.scale * (float)halves[h];
        to->start[h][t] = -byte_zero_of(dtype) * halves[h];
        if (has_minimum(dtype)) memcpy(&to->start[h][t], &minimum, 4);
      }
    }
  }
}

INLINE void unpack(const int dtype, const struct part* part, const struct panel* panel,
                   int first_row, int first_group, int groups, struct row_group* to) {
  const uint8_t* rows[16];
  for (int i = 0; i < 16; i++) rows[i] = row_at(part, panel, first_row + i);
  for (int g = 0; g < groups; g++, to++) {
    int64_t offset = part->groups[first_group + g].offset;
    int in_block = part->groups[first_group + g].in_block;
    // Row i and row i + 8 share a vector of 2 x 8 quads; transposed by halves, quad j of the rows
    // 0 ... 7 and 8 ... 15 comes to lie in one vector.
    __m512i v[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
      v[i] = _mm512_inserti64x4(
          _mm512_castsi256_si512(unsigned_bytes(dtype, rows[i] + offset, in_block)),
          unsigned_bytes(dtype, rows[i + 8] + offset, in_block), 1);
    }
    __m512i pairs[8], fours[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
      pairs[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
      pairs[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
      fours[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
      fours[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
      fours[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
      fours[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    // fours[j] holds quads j and j + 4 of rows 0-3, and of rows 8-11; fours[j + 4] of the others.
    __m512i first = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
    __m512i second = _mm512_setr_epi32(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      to->bytes[j] = _mm512_permutex2var_epi32(fours[j], first, fours[j + 4]);
      to->bytes[j + 4] = _mm512_permutex2var_epi32(fours[j], second, fours[j + 4]);
    }
    for (int h = 0; h < scales_of(dtype); h++) {
      float scales[16], minima[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; i++) {
        struct scale scale = scale_of(dtype, rows[i] + offset, in_block, h);
        scales[i] = scale.scale;
        minima[i] = scale.minimum;
      }
      to->scale[h] = load(scales);
      to->minimum[h] = load(minima);
    }
  }
}

INLINE void multiply_bytes(const int minimum, const int scales, const int n, int groups,
                           const struct tile_group* a, const struct row_group* b, float* c,
                           int add) {
  vf sums[TILE];
#pragma GCC unroll 12
  for (int t = 0; t < n; t++) sums[t] = add ? load(c + t * PANEL) : splat(0);
  for (int g = 0; g < groups; g++, a++, b++) {
#pragma GCC unroll 2
    for (int h = 0; h < scales; h++) {
      __m512i dots[TILE];
#pragma GCC unroll 12
      for (int t = 0; t < n; t++) {
        dots[t] = minimum ? _mm512_setzero_si512() : _mm512_set1_epi32(a->start[h][t]);
      }
#pragma GCC unroll 8
      for (int i = h * QUADS / scales; i < (h + 1) * QUADS / scales; i++) {
        __m512i u = b->bytes[i];
#pragma GCC unroll 12
        for (int t = 0; t < n; t++) {
          dots[t] = _mm512_dpbusd_epi32(dots[t], u, _mm512_set1_epi32(a->bytes[i][t]));
        }
      }
      __m512 d = b->scale[h];
#pragma GCC unroll 12
      for (int t = 0; t < n; t++) {
        sums[t] += _mm512_cvtepi32_ps(dots[t]) * (d * a->scale[t]);
        if (minimum) {
          float sum;
          memcpy(&sum, &a->start[h][t], 4);
          sums[t] += b->minimum[h] * sum;
        }
      }
    }
  }
#pragma GCC unroll 12
  for (int t = 0; t < n; t++) store(c + t * PANEL, sums[t]);
}

static void multiply_bytes_of(int dtype, int n, int groups, const struct tile_group* a,
                              const struct row_group* b, float* c, int add) {
#define CASE_(n)                                                       \
  case n: multiply_bytes(0, 1, n, groups, a, b, c, add); break;        \
  case n + 16: multiply_bytes(1, 1, n, groups, a, b, c, add); break;   \
  case n + 32: multiply_bytes(0, 2, n, groups, a, b, c, add); break;   \
  case n + 48: multiply_bytes(1, 2, n, groups, a, b, c, add); break;
  switch (n + 16 * has_minimum(dtype) + 32 * (scales_of(dtype) - 1)) {
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
    for (int r = 0; r < panel->count; r += 16) {
      switch (part->w->dtype) {
#define CASE_(dtype) \
  case dtype: unpack(dtype, part, panel, r, g, groups, space); break;
        BLOCK_TYPES(CASE_)
#undef CASE_
      }
      for (int t = 0; t < tokens; t += TILE) {
        int64_t tile = first_tile + t / TILE;
        multiply_bytes_of(part->w->dtype, tokens - t < TILE ? tokens - t : TILE, groups,
                          (const struct tile_group*)part->activations +
                              tile * part->group_count + g,
                          space, out + t * PANEL + r, g > 0);
      }
    }
  }
}

const struct method VARIANT(int8_many) = {0, many_tile_bytes, many_member_bytes, many_pack,
                                          many_multiply};

#endif
