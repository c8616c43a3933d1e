// product_int8.c: products of block types with activations that are rounded to 8 bits.
//
// A weight of a block is d * u + m for an unsigned byte u: Q8_0 has u = q + 128 and m = -128 d,
// Q4_0 m = -8 d, Q4_1 its own m. An activation of a group is s * a for a signed byte a. Hence
//   sum of w * x = s * (d * sum(u * a) + m * sum(a)),
// and where m is an integer times d, the second sum starts off the first one, without error.
// vpdpbusd multiplies unsigned by signed bytes and adds up four products, without saturation.

#include "product.h"

#if defined(__AVX512VNNI__)

// What u stands above the stored value; 0 where the block has an m of its own.
INLINE int zero_of(int dtype) { return dtype == RAP_Q8_0 ? 128 : dtype == RAP_Q4_0 ? 8 : 0; }

INLINE int has_minimum(int dtype) { return dtype == RAP_Q4_1; }

// The 32 unsigned bytes of the block at p.
INLINE __m256i unsigned_bytes(int dtype, const uint8_t* p) {
  if (dtype == RAP_Q8_0) {
    __m256i q = _mm256_loadu_si256((const __m256i*)(p + 2));
    return _mm256_xor_si256(q, _mm256_set1_epi8((char)0x80));
  }
  const uint8_t* nibbles = p + (dtype == RAP_Q4_0 ? 2 : 4);
  __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i*)nibbles));
  __m256i shifted = _mm256_srlv_epi32(both, _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4));
  return _mm256_and_si256(shifted, _mm256_set1_epi8(15));
}

// A group of activations as bytes.
struct rounded {
  __m256i bytes;  // zeros past the group's elements
  float scale;    // NaN if one of the activations is
};

INLINE struct rounded round_group(const float* x, int elements) {
  __mmask16 first = elements >= 16 ? 0xffff : (__mmask16)((1u << elements) - 1);
  __mmask16 second = elements == GROUP ? 0xffff
                     : elements <= 16  ? 0
                                       : (__mmask16)((1u << (elements - 16)) - 1);
  __m512 low = _mm512_maskz_loadu_ps(first, x);
  __m512 high = _mm512_maskz_loadu_ps(second, x + 16);
  float most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)));
  int nan = _mm512_cmp_ps_mask(low, high, _CMP_UNORD_Q) != 0;
  __m512 inverse = _mm512_set1_ps(most > 0x1p-120f ? 127.f / most : 0.f);
  __m128i bytes_low = _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(low, inverse)));
  __m128i bytes_high = _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(high, inverse)));
  return (struct rounded){_mm256_set_m128i(bytes_high, bytes_low),
                          nan ? __builtin_nanf("") : most / 127.f};
}

// Sums of four neighbours.
INLINE __m256i sums_of_four(__m256i bytes) {
  return _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_set1_epi8(1), bytes);
}

INLINE int sum_of_eight(__m256i v) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

// ---- A few tokens: every weight row is read once, two blocks at a time.

// Bytes of a 32 KiB L1 for activations: the best of those tried, on Zen 4.
enum { L1_SHARE = 20480 };

// Two groups of a token, the first in the lower eight lanes. Packed as [token, pair].
struct pair {
  __m512i bytes;  // four activations a lane
  __m512i start;  // -zero * their sum; for types with a minimum, float: scale * their sum
  __m512 scale;
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
                  : _mm256_mullo_epi32(sums, _mm256_set1_epi32(-zero_of(dtype)));
      to[4] = _mm256_castps_si256(scale);
    }
  }
}

// The halves at p in the lower, at q in the upper eight lanes.
INLINE __m512 two_scales(const uint8_t* p, const uint8_t* q) {
  uint16_t low, high;
  memcpy(&low, p, 2);
  memcpy(&high, q, 2);
  return _mm512_cvtph_ps(
      _mm256_set_m128i(_mm_set1_epi16((short)high), _mm_set1_epi16((short)low)));
}

// sums[token] of one row, over the groups of a stretch, whose first is even.
INLINE void few_row(const int dtype, const int tokens, const struct part* part, const uint8_t* row,
                    struct stretch stretch, vf sums[FEW]) {
#pragma GCC unroll 4
  for (int t = 0; t < tokens; t++) sums[t] = splat(0);
  const struct pair* x = (const struct pair*)part->activations + stretch.first / 2;
  int pairs = pairs_of(part->group_count);
  for (int g = stretch.first; g < stretch.end; g += 2, x++) {
    const uint8_t* p = row + part->groups[g].offset;
    // The neighbour of an odd last group is that group again, times zero.
    const uint8_t* q = row + part->groups[g + 1 < stretch.end ? g + 1 : g].offset;
    if (stretch.ahead != 0) {
      fetch(p + stretch.ahead);
      fetch(q + stretch.ahead);
    }
    __m512i u = _mm512_inserti64x4(_mm512_castsi256_si512(unsigned_bytes(dtype, p)),
                                   unsigned_bytes(dtype, q), 1);
    __m512 d = two_scales(p, q);
    __m512 m = has_minimum(dtype) ? two_scales(p + 2, q + 2) : d;
#pragma GCC unroll 4
    for (int t = 0; t < tokens; t++) {
      const struct pair* pair = x + (int64_t)t * pairs;
      __m512i start = has_minimum(dtype) ? _mm512_setzero_si512() : pair->start;
      __m512i dot = _mm512_dpbusd_epi32(start, u, pair->bytes);
      sums[t] += _mm512_cvtepi32_ps(dot) * (d * pair->scale);
      if (has_minimum(dtype)) sums[t] += m * _mm512_castsi512_ps(pair->start);
    }
  }
}

// Rows are taken one after the other: see product_float.c.
INLINE void few_tokens(const int dtype, const int tokens, const struct part* part,
                       const struct panel* panel, struct stretch stretch, float* out) {
  for (int first = 0; first < panel->count; first += 4) {
    vf sums[4][FEW];
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
      few_row(dtype, tokens, part, row_at(part, panel, first + r), stretch, sums[r]);
    }
#pragma GCC unroll 4
    for (int t = 0; t < tokens; t++) {
      add_four(out + t * PANEL + first, sums[0][t], sums[1][t], sums[2][t], sums[3][t],
               stretch.first > 0);
    }
  }
}

static void few_stretch(const struct part* part, const struct panel* panel,
                        struct stretch stretch, float* out) {
#define CASES_(dtype)                                                          \
  case dtype * 8 + 1: few_tokens(dtype, 1, part, panel, stretch, out); break; \
  case dtype * 8 + 2: few_tokens(dtype, 2, part, panel, stretch, out); break; \
  case dtype * 8 + 3: few_tokens(dtype, 3, part, panel, stretch, out); break; \
  case dtype * 8 + 4: few_tokens(dtype, 4, part, panel, stretch, out); break;
  switch (part->w->dtype * 8 + part->tokens) {
    CASES_(RAP_Q8_0) CASES_(RAP_Q4_0) CASES_(RAP_Q4_1)
  }
#undef CASES_
}

static void few_multiply(const struct part* part, const struct panel* panel, int first_tile,
                         int tokens, float* out, void* space) {
  (void)first_tile, (void)space;
  int first = 0;
  do {
    struct stretch stretch =
        stretch_of(part, first, tokens * (int)sizeof(struct pair) / 2, L1_SHARE);
    few_stretch(part, panel, stretch, out);
    first = stretch.end;
  } while (first < part->group_count);
}

const struct method VARIANT(int8_few) = {few_tile_bytes, few_member_bytes, few_pack,
                                         few_multiply};

// ---- Many tokens: 16 rows are unpacked once, a row to a lane, then multiplied tile by tile.

enum { DEPTH = 128 };  // groups that are unpacked at a time
enum { QUADS = GROUP / 4 };

// A tile's group: the tokens lie side by side.
struct tile_group {
  int32_t bytes[QUADS][TILE];  // four activations
  int32_t start[TILE];         // -zero * sum of activations; or float: scale * sum of activations
  float scale[TILE];
};

// 16 rows' group.
struct row_group {
  __m512i bytes[QUADS];
  __m512 scale;
  __m512 minimum;  // for types that have one
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
      int sum = sum_of_eight(sums_of_four(r.bytes));
      to->scale[t] = r.scale;
      if (has_minimum(dtype)) {
        float minimum = r.scale * (float)sum;
        memcpy(&to->start[t], &minimum, 4);
      } else {
        to->start[t] = -zero_of(dtype) * sum;
      }
    }
  }
}

INLINE void unpack(const int dtype, const struct part* part, const struct panel* panel, int first_row, int first_group, int groups,
                   struct row_group* to) {
  const uint8_t* rows[16];
  for (int i = 0; i < 16; i++) rows[i] = row_at(part, panel, first_row + i);
  for (int g = 0; g < groups; g++, to++) {
    int64_t offset = part->groups[first_group + g].offset;
    // Row i and row i + 8 share a vector of 2 x 8 quads; transposed by halves, quad j of the rows
    // 0 ... 7 and 8 ... 15 comes to lie in one vector.
    __m512i v[8];
    uint16_t scales[16], minima[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
      memcpy(&scales[i], rows[i] + offset, 2);
      if (has_minimum(dtype)) memcpy(&minima[i], rows[i] + offset + 2, 2);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
      v[i] = _mm512_inserti64x4(
          _mm512_castsi256_si512(unsigned_bytes(dtype, rows[i] + offset)),
          unsigned_bytes(dtype, rows[i + 8] + offset), 1);
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
    to->scale = from_half(scales);
    if (has_minimum(dtype)) to->minimum = from_half(minima);
  }
}

INLINE void multiply_bytes(const int minimum, const int n, int groups, const struct tile_group* a,
                           const struct row_group* b, float* c, int add) {
  vf sums[TILE];
#pragma GCC unroll 12
  for (int t = 0; t < n; t++) sums[t] = add ? load(c + t * PANEL) : splat(0);
  for (int g = 0; g < groups; g++, a++, b++) {
    __m512i dots[TILE];
#pragma GCC unroll 12
    for (int t = 0; t < n; t++) {
      dots[t] = minimum ? _mm512_setzero_si512() : _mm512_set1_epi32(a->start[t]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < QUADS; i++) {
      __m512i u = b->bytes[i];
#pragma GCC unroll 12
      for (int t = 0; t < n; t++) {
        dots[t] = _mm512_dpbusd_epi32(dots[t], u, _mm512_set1_epi32(a->bytes[i][t]));
      }
    }
    __m512 d = b->scale;
#pragma GCC unroll 12
    for (int t = 0; t < n; t++) {
      sums[t] += _mm512_cvtepi32_ps(dots[t]) * (d * a->scale[t]);
      if (minimum) {
        float sum;
        memcpy(&sum, &a->start[t], 4);
        sums[t] += b->minimum * sum;
      }
    }
  }
#pragma GCC unroll 12
  for (int t = 0; t < n; t++) store(c + t * PANEL, sums[t]);
}

static void multiply_bytes_of(int minimum, int n, int groups, const struct tile_group* a,
                              const struct row_group* b, float* c, int add) {
#define CASE_(n)                                                \
  case n: multiply_bytes(0, n, groups, a, b, c, add); break;    \
  case n + 16: multiply_bytes(1, n, groups, a, b, c, add); break;
  switch (n + (minimum ? 16 : 0)) {
    CASE_(1) CASE_(2) CASE_(3) CASE_(4) CASE_(5) CASE_(6)
    CASE_(7) CASE_(8) CASE_(9) CASE_(10) CASE_(11) CASE_(12)
  }
#undef CASE_
}

static void many_multiply(const struct part* part, const struct panel* panel,
                          int first_tile, int tokens, float* out, void* space) {
  if (part->group_count == 0) memset(out, 0, (size_t)tokens * PANEL * sizeof(float));
  int minimum = has_minimum(part->w->dtype);
  for (int g = 0; g < part->group_count; g += DEPTH) {
    int groups = part->group_count - g < DEPTH ? part->group_count - g : DEPTH;
    fetch_panel(part, panel, g, groups);
    for (int r = 0; r < panel->count; r += 16) {
      switch (part->w->dtype) {
        case RAP_Q8_0: unpack(RAP_Q8_0, part, panel, r, g, groups, space); break;
        case RAP_Q4_0: unpack(RAP_Q4_0, part, panel, r, g, groups, space); break;
        case RAP_Q4_1: unpack(RAP_Q4_1, part, panel, r, g, groups, space); break;
      }
      for (int t = 0; t < tokens; t += TILE) {
        int64_t tile = first_tile + t / TILE;
        multiply_bytes_of(minimum, tokens - t < TILE ? tokens - t : TILE, groups,
                          (const struct tile_group*)part->activations +
                              tile * part->group_count + g,
                          space, out + t * PANEL + r, g > 0);
      }
    }
  }
}

const struct method VARIANT(int8_many) = {many_tile_bytes, many_member_bytes, many_pack,
                                          many_multiply};

#endif
