// product_float.c: products whose weights become float32 on the way.

#include "product.h"
#include "tile.h"

// Groups whose weights are unpacked at a time: 1024 columns of a panel are 128 KiB of L2.
enum { DEPTH = 32 };

// ---- A few tokens: every weight row is read once, as it is stored.

// Bytes of a 32 KiB L1 for activations: the best of those tried, on Zen 4.
enum { L1_SHARE = 14336 };

// Packed as [token, group, GROUP].
static size_t few_tile_bytes(int group_count) {
  return (size_t)group_count * GROUP * FEW * sizeof(float);
}

static size_t no_bytes(int group_count) {
  (void)group_count;
  return 0;
}

static void few_pack(const struct part* part, int tile) {
  (void)tile;
  float* to = part->activations;
  for (int t = 0; t < part->tokens; t++) {
    const float* x = part->x + t * part->product->x_stride;
    for (int g = 0; g < part->group_count; g++, to += GROUP) {
      const struct group* group = &part->groups[g];
      if (group->elements < GROUP) memset(to, 0, GROUP * sizeof(float));
      memcpy(to, x + group->column, (size_t)group->elements * sizeof(float));
    }
  }
}

// sums[token] of one row, over the groups of a stretch.
INLINE void few_row(const int dtype, const int tokens, const struct part* part, const uint8_t* row,
                    struct stretch stretch, vf sums[FEW]) {
  vf chain[FEW][2];  // two additions in flight for each token
#pragma GCC unroll 4
  for (int t = 0; t < tokens; t++) chain[t][0] = chain[t][1] = splat(0);
  const float* x = (const float*)part->activations + (int64_t)stretch.first * GROUP;
  int64_t x_step = (int64_t)part->group_count * GROUP;
  for (int g = stretch.first; g < stretch.end; g++, x += GROUP) {
    const struct group* group = &part->groups[g];
    const uint8_t* p = row + group->offset;
    int together = block_elements(dtype) > 1 ? 1 : GROUP;
    if (group->in_block == 0) fetch_ahead(part, row, stretch, g, together * block_bytes(dtype));
    vf v[GROUP_VECTORS];
    if (block_elements(dtype) > 1 || group->elements == GROUP) {
      load_group(dtype, p, group->in_block, v);
    } else {
      load_group_part(dtype, p, group->elements, v);
    }
#pragma GCC unroll 4
    for (int t = 0; t < tokens; t++) {
#pragma GCC unroll 8
      for (int i = 0; i < GROUP_VECTORS; i++) {
        chain[t][i % 2] += v[i] * load(x + t * x_step + i * W);
      }
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < tokens; t++) sums[t] = chain[t][0] + chain[t][1];
}

#include "few.h"

static void few_stretch(const struct part* part, const struct panel* panel,
                        struct stretch stretch, float* out) {
  switch (part->w->dtype * 8 + part->tokens) {
    PLAIN_TYPES(FEW_CASES)
#if W < 8
    BLOCK_TYPES(FEW_CASES)
#endif
  }
}

static void few_multiply(const struct part* part, const struct panel* panel, int first_tile,
                         int tokens, float* out, void* space) {
  (void)first_tile, (void)space;
  int first = 0;
  do {
    struct stretch stretch =
        stretch_of(part, first, 2, tokens * GROUP * (int)sizeof(float), L1_SHARE);
    few_stretch(part, panel, stretch, out);
    first = stretch.end;
  } while (first < part->group_count);
}

const struct method VARIANT(float_few) = {0, few_tile_bytes, no_bytes, few_pack, few_multiply};

// ---- Many tokens: weights are unpacked once, then multiplied tile by tile.

// Packed as [tile, group, GROUP, TILE], so that the tokens of a tile lie side by side.
static size_t many_tile_bytes(int group_count) {
  return (size_t)group_count * GROUP * TILE * sizeof(float);
}

static size_t many_member_bytes(int group_count) {
  (void)group_count;
  return (size_t)DEPTH * GROUP * PANEL * sizeof(float);
}

static void many_pack(const struct part* part, int tile) {
  float* to = (float*)part->activations + (int64_t)tile * part->group_count * GROUP * TILE;
  int first = tile * TILE;
  int tokens = part->tokens - first < TILE ? part->tokens - first : TILE;
  for (int g = 0; g < part->group_count; g++, to += GROUP * TILE) {
    const struct group* group = &part->groups[g];
    if (tokens < TILE || group->elements < GROUP) memset(to, 0, GROUP * TILE * sizeof(float));
    for (int t = 0; t < tokens; t++) {
      const float* x = part->x + (first + t) * part->product->x_stride + group->column;
      for (int i = 0; i < group->elements; i++) to[i * TILE + t] = x[i];
    }
  }
}

// b[sub, group, GROUP, TILE_LANES]: lanes are rows.
INLINE void unpack(const int dtype, const struct part* part, const struct panel* panel,
                   int first_group, int groups, float* b) {
  int lanes = (panel->count + TILE_LANES - 1) / TILE_LANES * TILE_LANES;
  for (int r = 0; r < lanes; r += W) {
    const uint8_t* rows[W];
    for (int i = 0; i < W; i++) rows[i] = row_at(part, panel, r + i);
    float* to = b + (int64_t)(r / TILE_LANES) * groups * GROUP * TILE_LANES + r % TILE_LANES;
    for (int g = first_group; g < first_group + groups; g++) {
      const struct group* group = &part->groups[g];
      vf v[GROUP_VECTORS][W];
#pragma GCC unroll 16
      for (int i = 0; i < W; i++) {
        vf row[GROUP_VECTORS];
        if (block_elements(dtype) > 1 || group->elements == GROUP) {
          load_group(dtype, rows[i] + group->offset, group->in_block, row);
        } else {
          load_group_part(dtype, rows[i] + group->offset, group->elements, row);
        }
        for (int j = 0; j < GROUP_VECTORS; j++) v[j][i] = row[j];
      }
      for (int j = 0; j < GROUP_VECTORS; j++) {
        transpose(v[j]);
#pragma GCC unroll 16
        for (int i = 0; i < W; i++, to += TILE_LANES) store(to, v[j][i]);
      }
    }
  }
}

static void unpack_any(const struct part* part, const struct panel* panel,
                       int first_group, int groups, float* b) {
  switch (part->w->dtype) {
#define CASE_(dtype) \
  case dtype: unpack(dtype, part, panel, first_group, groups, b); break;
    PLAIN_TYPES(CASE_)
#if W < 8
    BLOCK_TYPES(CASE_)
#endif
#undef CASE_
  }
}

static void many_multiply(const struct part* part, const struct panel* panel,
                          int first_tile, int tokens, float* out, void* space) {
  if (part->group_count == 0) memset(out, 0, (size_t)tokens * PANEL * sizeof(float));
  for (int g = 0; g < part->group_count; g += DEPTH) {
    int groups = part->group_count - g < DEPTH ? part->group_count - g : DEPTH;
    fetch_panel(part, panel, g, groups);
    unpack_any(part, panel, g, groups, space);
    for (int t = 0; t < tokens; t += TILE) {
      int64_t tile = first_tile + t / TILE;
      const float* a = (const float*)part->activations +
                       (tile * part->group_count + g) * GROUP * TILE;
      for (int r = 0; r < panel->count; r += TILE_LANES) {
        const float* b = (const float*)space + (int64_t)r * groups * GROUP;
        multiply_tile_of(tokens - t < TILE ? tokens - t : TILE, (int64_t)groups * GROUP, a, TILE,
                         b, TILE_LANES, out + t * PANEL + r, PANEL, g > 0);
      }
    }
  }
}

const struct method VARIANT(float_many) = {0, many_tile_bytes, many_member_bytes, many_pack,
                                           many_multiply};
