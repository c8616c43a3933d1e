// product_int8_few.c: products of blocks of 32 with a few tokens, whose activations are rounded to
// 8 bits. Every weight row is read once, two blocks at a time.

#include "product.h"

#if W >= 8

#include "int8.h"

// Bytes of a 32 KiB L1 for activations: the best of those tried, on Zen 4.
enum { L1_SHARE = 20480 };

// Two groups of a token, the first in the lower eight lanes. Packed as [token, pair].
struct pair {
  vi bytes[PAIR];  // four activations a lane
  vi start[PAIR];  // -zero * their sum; for types with a minimum, float: scale * their sum
  vf scale[PAIR];
};

static int pairs_of(int group_count) { return (group_count + 1) / 2; }

static size_t few_tile_bytes(int group_count) {
  return (size_t)pairs_of(group_count) * FEW * sizeof(struct pair);
}

static size_t few_member_bytes(int group_count) {
  (void)group_count;
  return 0;
}

static void few_pack(const struct part* part, int tile) {
  (void)tile;
  int dtype = part->w->dtype;
  struct pair* pairs = part->activations;
  for (int t = 0; t < part->tokens; t++, pairs += pairs_of(part->group_count)) {
    const float* x = part->x + t * part->product->x_stride;
    // An odd last group has a neighbour that adds nothing.
    if (part->group_count % 2 != 0) memset(pairs + part->group_count / 2, 0, sizeof(struct pair));
    for (int g = 0; g < part->group_count; g++) {
      struct rounded r = round_group(x + part->groups[g].column, part->groups[g].elements);
      __m256i* to = (__m256i*)(pairs + g / 2) + g % 2;
      __m256i sums = sums_of_four(r.bytes);
      __m256 scale = _mm256_set1_ps(r.scale);
      to[0] = r.bytes;
      to[2] = has_minimum(dtype)
                  ? _mm256_castps_si256(_mm256_mul_ps(_mm256_cvtepi32_ps(sums), scale))
                  : _mm256_mullo_epi32(sums, _mm256_set1_epi32(-byte_zero_of(dtype)));
      to[4] = _mm256_castps_si256(scale);
    }
  }
}

// The halves at p in the lower, at q in the upper eight lanes.
INLINE void two_scales(const uint8_t* p, const uint8_t* q, vf to[PAIR]) {
  uint16_t low, high;
  memcpy(&low, p, 2);
  memcpy(&high, q, 2);
  __m128i first = _mm_set1_epi16((short)low), second = _mm_set1_epi16((short)high);
#if W == 16
  to[0] = _mm512_cvtph_ps(_mm256_set_m128i(second, first));
#else
  to[0] = _mm256_cvtph_ps(first);
  to[1] = _mm256_cvtph_ps(second);
#endif
}

// sums[token] of one row, over the groups of a stretch, whose first is even.
INLINE void few_row(const int dtype, const int tokens, const struct part* part, const uint8_t* row,
                    struct stretch stretch, vf sums[FEW]) {
  vf second[FEW];  // of the second groups, where they fill vectors of their own
#pragma GCC unroll 4
  for (int t = 0; t < tokens; t++) sums[t] = second[t] = splat(0);
  const struct pair* x = (const struct pair*)part->activations + stretch.first / 2;
  int pairs = pairs_of(part->group_count);
  for (int g = stretch.first; g < stretch.end; g += 2, x++) {
    const uint8_t* p = row + part->groups[g].offset;
    // The neighbour of an odd last group is that group again, times zero.
    const uint8_t* q = row + part->groups[g + 1 < stretch.end ? g + 1 : g].offset;
    fetch_ahead(part, row, stretch, g, 2 * block_bytes(dtype));
    vi u[PAIR];
    vf d[PAIR], m[PAIR];
    join(weight_bytes(dtype, p, 0), weight_bytes(dtype, q, 0), u);
    two_scales(p, q, d);
    if (has_minimum(dtype)) two_scales(p + 2, q + 2, m);
#pragma GCC unroll 4
    for (int t = 0; t < tokens; t++) {
      const struct pair* pair = x + (int64_t)t * pairs;
#pragma GCC unroll 2
      for (int i = 0; i < PAIR; i++) {
        vf* to = i == 0 ? &sums[t] : &second[t];
        vi start = has_minimum(dtype) ? splat_int(0) : pair->start[i];
        *to += to_float(dot(dtype, start, u[i], pair->bytes[i])) * (d[i] * pair->scale[i]);
        if (has_minimum(dtype)) *to += m[i] * (vf)pair->start[i];
      }
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < tokens; t++) sums[t] = PAIR == 1 ? sums[t] : sums[t] + second[t];
}

#include "few.h"

static void few_stretch(const struct part* part, const struct panel* panel,
                        struct stretch stretch, float* out) {
  switch (part->w->dtype * 8 + part->tokens) {
    BLOCK_TYPES_OF_32(FEW_CASES)
  }
}

static void few_multiply(const struct part* part, const struct panel* panel, int first_tile,
                         int tokens, float* out, void* space) {
  (void)first_tile, (void)space;
  int first = 0;
  do {
    struct stretch stretch =
        stretch_of(part, first, 2, tokens * (int)sizeof(struct pair) / 2, L1_SHARE);
    few_stretch(part, panel, stretch, out);
    first = stretch.end;
  } while (first < part->group_count);
}

const struct method VARIANT(int8_few) = {0, few_tile_bytes, few_member_bytes, few_pack,
                                         few_multiply};

#endif
