// product_int8_many.c: products of block types with many tokens, whose activations are rounded to 8
// bits. As many rows as a vector has lanes are unpacked once, then multiplied tile by tile.

#include "product.h"

#if W >= 8

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

// A group of W rows, a row to a lane.
struct row_group {
  vi bytes[QUADS];
  vf scale[2];    // one, or one for each half
  vf minimum[2];  // for types that have one
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
  const uint8_t* rows[W];
  for (int i = 0; i < W; i++) rows[i] = row_at(part, panel, first_row + i);
  for (int g = 0; g < groups; g++, to++) {
    int64_t offset = part->groups[first_group + g].offset;
    int in_block = part->groups[first_group + g].in_block;
    // Row i shares a vector with row i + 8 if it has 16 lanes. Transposed by eights, quad j of all
    // rows comes to lie in vector j.
    vf v[QUADS];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
      vi both[PAIR];
      join(weight_bytes(dtype, rows[i] + offset, in_block),
           weight_bytes(dtype, rows[i + W - 8] + offset, in_block), both);
      v[i] = (vf)both[0];
    }
    transpose_eights(v);
#pragma GCC unroll 8
    for (int i = 0; i < QUADS; i++) to->bytes[i] = (vi)v[i];
    for (int h = 0; h < scales_of(dtype); h++) {
      float scales[W], minima[W];
#pragma GCC unroll 16
      for (int i = 0; i < W; i++) {
        struct scale scale = scale_of(dtype, rows[i] + offset, in_block, h);
        scales[i] = scale.scale;
        minima[i] = scale.minimum;
      }
      to->scale[h] = load(scales);
      to->minimum[h] = load(minima);
    }
  }
}

// dots[t] += products of the weights' quads with those of activations of token t.
INLINE void add_quads(const int dtype, const int n, const int quads, const vi weights[],
                      const int32_t activations[][TILE], vi dots[TILE]) {
#if W == 16
  (void)dtype;
#pragma GCC unroll 8
  for (int i = 0; i < quads; i++) {
    vi u = weights[i];
#pragma GCC unroll 12
    for (int t = 0; t < n; t++) dots[t] = dot(dtype, dots[t], u, splat_int(activations[i][t]));
  }
#else
  // Of so many pairs of products the sum fits into 16 bits. The loops stay loops, as gcc would add
  // up in an order for which there are too few registers.
  const int fit = 32767 / (2 * 127 * most_byte(dtype));
  const int together = fit < quads ? fit : quads;
#pragma GCC unroll 1
  for (int i = 0; i < quads; i += together) {
    vs pairs[TILE];
#pragma GCC unroll 6
    for (int t = 0; t < n; t++) pairs[t] = (vs)splat_int(0);
#pragma GCC unroll 1
    for (int j = i; j < i + together; j++) {
#pragma GCC unroll 6
      for (int t = 0; t < n; t++) {
        pairs[t] += products_of_two(dtype, weights[j], splat_int(activations[j][t]));
      }
    }
#pragma GCC unroll 6
    for (int t = 0; t < n; t++) dots[t] += sums_of_two(pairs[t]);
  }
#endif
}

INLINE void multiply_bytes(const int dtype, const int n, int groups, const struct tile_group* a,
                           const struct row_group* b, float* c, int add) {
  const int minimum = has_minimum(dtype);
  const int scales = scales_of(dtype);
  vf sums[TILE];
#pragma GCC unroll 12
  for (int t = 0; t < n; t++) sums[t] = add ? load(c + t * PANEL) : splat(0);
  for (int g = 0; g < groups; g++, a++, b++) {
#pragma GCC unroll 2
    for (int h = 0; h < scales; h++) {
      vi dots[TILE];
#pragma GCC unroll 12
      for (int t = 0; t < n; t++) dots[t] = splat_int(minimum ? 0 : a->start[h][t]);
      int first = h * QUADS / scales;
      add_quads(dtype, n, QUADS / scales, b->bytes + first, a->bytes + first, dots);
      vf d = b->scale[h];
#pragma GCC unroll 12
      for (int t = 0; t < n; t++) {
        sums[t] += to_float(dots[t]) * (d * a->scale[t]);
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

// Of types that are multiplied alike, one.
static int alike(int dtype) {
  switch (dtype) {
    case RAP_Q4_K: return RAP_Q4_1;
    case RAP_Q5_K: return RAP_Q5_1;
    default: return dtype;
  }
}

static void multiply_bytes_of(int dtype, int n, int groups, const struct tile_group* a,
                              const struct row_group* b, float* c, int add) {
#define CASE_(dtype, n) \
  case dtype * 16 + n: multiply_bytes(dtype, n, groups, a, b, c, add); break;
#if W == 16
#define CASES_(dtype)                                                               \
  CASE_(dtype, 1) CASE_(dtype, 2) CASE_(dtype, 3) CASE_(dtype, 4) CASE_(dtype, 5)   \
  CASE_(dtype, 6) CASE_(dtype, 7) CASE_(dtype, 8) CASE_(dtype, 9) CASE_(dtype, 10)  \
  CASE_(dtype, 11) CASE_(dtype, 12)
#else
#define CASES_(dtype)                                                             \
  CASE_(dtype, 1) CASE_(dtype, 2) CASE_(dtype, 3) CASE_(dtype, 4) CASE_(dtype, 5) \
  CASE_(dtype, 6)
#endif
  switch (alike(dtype) * 16 + n) {
    BLOCK_TYPES_OF_32(CASES_) CASES_(RAP_Q2_K) CASES_(RAP_Q3_K) CASES_(RAP_Q6_K)
  }
#undef CASES_
#undef CASE_
}

static void many_multiply(const struct part* part, const struct panel* panel,
                          int first_tile, int tokens, float* out, void* space) {
  if (part->group_count == 0) memset(out, 0, (size_t)tokens * PANEL * sizeof(float));
  for (int g = 0; g < part->group_count; g += DEPTH) {
    int groups = part->group_count - g < DEPTH ? part->group_count - g : DEPTH;
    fetch_panel(part, panel, g, groups);
    for (int r = 0; r < panel->count; r += W) {
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
