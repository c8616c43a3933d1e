// product_int8_few_of_256.c: products of blocks of 256 with a few tokens, whose activations are
// rounded to 8 bits. Every weight row is read once, a block at a time.

#include "product.h"

#if W >= 8

#include "int8.h"

enum { BLOCK_GROUPS = 8 };
enum { PAIRS = BLOCK_GROUPS / 2 };

// Bytes of a 32 KiB L1 for activations, as in product_int8_few.c.
enum { L1_SHARE = 20480 };

// A block of a token. Packed as [token, block].
struct packed {
  vi bytes[PAIRS][PAIR];  // four activations a lane
  // Where groups have one scale: their 8 scales, then 8 times scale * sum of their bytes. Where they
  // have two: the scale of each half.
  vf scales[PAIR];
  // Where groups have two: scale * sum of each half's bytes with a minimum, -zero * sum without one.
  vf sums[PAIR];
};

static size_t few_tile_bytes(int group_count) {
  return (size_t)(group_count / BLOCK_GROUPS) * FEW * sizeof(struct packed);
}

static size_t few_member_bytes(int group_count) {
  (void)group_count;
  return 0;
}

static void few_pack(const struct part* part, int tile) {
  (void)tile;
  int dtype = part->w->dtype;
  int blocks = part->group_count / BLOCK_GROUPS;
  struct packed* to = part->activations;
  for (int t = 0; t < part->tokens; t++) {
    const float* x = part->x + t * part->product->x_stride;
    const struct group* groups = part->groups;
    for (int b = 0; b < blocks; b++, to++, groups += BLOCK_GROUPS) {
      float scales[16], sums[16];
      for (int g = 0; g < BLOCK_GROUPS; g++) {
        struct rounded r = round_group(x + groups[g].column, groups[g].elements);
        ((__m256i*)to->bytes)[g] = r.bytes;
        __m256i fours = sums_of_four(r.bytes);
        int first = sum_of_four(_mm256_castsi256_si128(fours));
        int second = sum_of_four(_mm256_extracti128_si256(fours, 1));
        if (scales_of(dtype) == 1) {
          scales[g] = r.scale;
          scales[g + 8] = r.scale * (float)(first + second);
        } else {
          float times = has_minimum(dtype) ? r.scale : (float)-byte_zero_of(dtype);
          scales[2 * g] = scales[2 * g + 1] = r.scale;
          sums[2 * g] = times * (float)first;
          sums[2 * g + 1] = times * (float)second;
        }
      }
      memcpy(to->scales, scales, sizeof scales);
      if (scales_of(dtype) == 2) memcpy(to->sums, sums, sizeof sums);
    }
  }
}

// What a block has beside its bytes. Where groups have one scale: 8 scales, then 8 minima. Where they
// have two: 16 scales, and 16 minima for types that have them.
struct scales {
  vf scales[PAIR];
  vf minima[PAIR];
};

// Vector i of 16 bytes as floats.
INLINE vf bytes_as_floats(__m128i bytes, const int i) {
#if W == 16
  (void)i;
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
#else
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(i == 0 ? bytes : _mm_srli_si128(bytes, 8)));
#endif
}

// Vector i of 16 floats, 8 times `first`, then 8 times `second`.
INLINE vf eight_and_eight(float first, float second, const int i) {
#if W == 16
  (void)i;
  return _mm512_mask_blend_ps(0xff00, splat(first), splat(second));
#else
  return splat(i == 0 ? first : second);
#endif
}

// `to` + the last 8 of 16 floats, in some lanes.
INLINE vf add_last_eight(vf to, const vf sixteen[PAIR]) {
#if W == 16
  return _mm512_mask_add_ps(to, 0xff00, to, sixteen[0]);
#else
  return to + sixteen[1];
#endif
}

// The 8 scales of 6 bits and the 8 minima at p; see six_bits in rows.h.
INLINE __m128i six_bit_scales(const uint8_t* p) {
  uint32_t scales, minima, shared;
  memcpy(&scales, p, 4);
  memcpy(&minima, p + 4, 4);
  memcpy(&shared, p + 8, 4);
  uint32_t more_scales = (shared & 0x0f0f0f0f) | (scales >> 6 & 0x03030303) << 4;
  uint32_t more_minima = (shared >> 4 & 0x0f0f0f0f) | (minima >> 6 & 0x03030303) << 4;
  return _mm_setr_epi32((int)(scales & 0x3f3f3f3f), (int)more_scales, (int)(minima & 0x3f3f3f3f),
                        (int)more_minima);
}

// The 16 scales of 6 bits at p, each 32 too large; see scale_of in rows.h.
INLINE __m128i six_bit_scales_of_halves(const uint8_t* p) {
  uint32_t first, second, high;
  memcpy(&first, p, 4);
  memcpy(&second, p + 4, 4);
  memcpy(&high, p + 8, 4);
  return _mm_setr_epi32((int)((first & 0x0f0f0f0f) | (high & 0x03030303) << 4),
                        (int)((second & 0x0f0f0f0f) | (high >> 2 & 0x03030303) << 4),
                        (int)((first >> 4 & 0x0f0f0f0f) | (high >> 4 & 0x03030303) << 4),
                        (int)((second >> 4 & 0x0f0f0f0f) | (high >> 6 & 0x03030303) << 4));
}

INLINE struct scales scales_of_block(const int dtype, const uint8_t* p) {
  struct scales w;
#pragma GCC unroll 2
  for (int i = 0; i < PAIR; i++) {
    switch (dtype) {
      case RAP_Q2_K:
        w.scales[i] = to_float(bits_of(p + i * W, 0, 15)) * half_to_float(p + 80);
        w.minima[i] = to_float(bits_of(p + i * W, 4, 15)) * -half_to_float(p + 82);
        break;
      case RAP_Q3_K:
        w.scales[i] = (bytes_as_floats(six_bit_scales_of_halves(p + 96), i) - 32.f) *
                      half_to_float(p + 108);
        break;
      case RAP_Q6_K:
        w.scales[i] = from_int8(p + 192 + i * W) * half_to_float(p + 208);
        break;
      default:  // RAP_Q4_K, RAP_Q5_K
        w.scales[i] = bytes_as_floats(six_bit_scales(p + 4), i) *
                      eight_and_eight(half_to_float(p), -half_to_float(p + 2), i);
    }
  }
  return w;
}

#if W == 16

INLINE __m512i twice(const uint8_t* p) {
  return _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i*)p));
}

// One count for each of the two groups of a pair.
INLINE __m512i two_counts(int first, int second) {
  return _mm512_inserti64x4(_mm512_set1_epi32(first), _mm256_set1_epi32(second), 1);
}

// Bits of each byte, from `first_bit` on in the first group and from `second_bit` on in the second,
// moved to bit `to`.
INLINE __m512i high_bits(__m512i bytes, int first_bit, int second_bit, int to, int mask) {
  __m512i right = two_counts((first_bit - to) & 31, (second_bit - to) & 31);
  return _mm512_and_si512(_mm512_rorv_epi32(bytes, right), _mm512_set1_epi8((char)mask));
}

INLINE __m512i low_bits(__m512i bytes, int first_bit, int second_bit, int mask) {
  __m512i shifted = _mm512_srlv_epi32(bytes, two_counts(first_bit, second_bit));
  return _mm512_and_si512(shifted, _mm512_set1_epi8((char)mask));
}

// The bytes of groups 2 * pair and 2 * pair + 1; see stored in rows.h.
INLINE void pair_bytes(const int dtype, const uint8_t* p, const int pair, vi to[PAIR]) {
  int of_four = pair % 2 * 4;  // where the pair's bits of a byte begin that four groups share
  const uint8_t* half = p + pair / 2 * 32;
  __m512i u;
  switch (dtype) {
    case RAP_Q2_K: u = low_bits(twice(half + 16), of_four, of_four + 2, 3); break;
    case RAP_Q3_K:
      u = _mm512_or_si512(low_bits(twice(half + 32), of_four, of_four + 2, 3),
                          high_bits(twice(p), 2 * pair, 2 * pair + 1, 2, 4));
      break;
    case RAP_Q4_K: u = low_bits(twice(p + 16 + pair * 32), 0, 4, 15); break;
    case RAP_Q5_K:
      u = _mm512_or_si512(low_bits(twice(p + 48 + pair * 32), 0, 4, 15),
                          high_bits(twice(p + 16), 2 * pair, 2 * pair + 1, 4, 16));
      break;
    default:  // RAP_Q6_K
      u = _mm512_or_si512(low_bits(_mm512_loadu_si512(p + pair / 2 * 64), of_four, of_four, 15),
                          high_bits(twice(half + 128), of_four, of_four + 2, 4, 48));
  }
  to[0] = (vi)u;
}

#else

INLINE void pair_bytes(const int dtype, const uint8_t* p, const int pair, vi to[PAIR]) {
  join(weight_bytes(dtype, p, 2 * pair), weight_bytes(dtype, p, 2 * pair + 1), to);
}

#endif

// The scale of each lane of vector i of a pair.
INLINE vf pair_scales(const int dtype, const vf scales[PAIR], const int pair, const int i) {
  int first = (2 * pair + i) * scales_of(dtype);
#if W == 16
  __m512i lanes = scales_of(dtype) == 2
                      ? _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3)
                      : _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  return _mm512_permutexvar_ps(_mm512_add_epi32(lanes, _mm512_set1_epi32(first)), scales[0]);
#else
  __m256i lanes = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
  if (scales_of(dtype) == 1) lanes = _mm256_setzero_si256();
  lanes = _mm256_add_epi32(lanes, _mm256_set1_epi32(first % 8));
  return _mm256_permutevar8x32_ps(scales[first / 8], lanes);
#endif
}

// sums[token] of one row, over the groups of a stretch, which are whole blocks.
INLINE void few_row(const int dtype, const int tokens, const struct part* part, const uint8_t* row,
                    struct stretch stretch, vf sums[FEW]) {
  vf chain[FEW][2];  // two additions in flight for each token
#pragma GCC unroll 4
  for (int t = 0; t < tokens; t++) chain[t][0] = chain[t][1] = splat(0);
  const struct packed* x = (const struct packed*)part->activations + stretch.first / BLOCK_GROUPS;
  int blocks = part->group_count / BLOCK_GROUPS;
  for (int g = stretch.first; g < stretch.end; g += BLOCK_GROUPS, x++) {
    const uint8_t* p = row + part->groups[g].offset;
    fetch_ahead(part, row, stretch, g, block_bytes(dtype));
    struct scales w = scales_of_block(dtype, p);
    vf scales[FEW][PAIR];
#pragma GCC unroll 4
    for (int t = 0; t < tokens; t++) {
      const struct packed* packed = x + (int64_t)t * blocks;
#pragma GCC unroll 2
      for (int i = 0; i < PAIR; i++) {
        scales[t][i] = w.scales[i] * packed->scales[i];
        if (scales_of(dtype) == 1) continue;
        chain[t][i] += (has_minimum(dtype) ? w.minima[i] : scales[t][i]) * packed->sums[i];
      }
      if (scales_of(dtype) == 1) chain[t][0] = add_last_eight(chain[t][0], scales[t]);
    }
#pragma GCC unroll 4
    for (int pair = 0; pair < PAIRS; pair++) {
      vi u[PAIR];
      pair_bytes(dtype, p, pair, u);
#pragma GCC unroll 4
      for (int t = 0; t < tokens; t++) {
        const struct packed* packed = x + (int64_t)t * blocks;
#pragma GCC unroll 2
        for (int i = 0; i < PAIR; i++) {
          vi sum = dot(dtype, splat_int(0), u[i], packed->bytes[pair][i]);
          chain[t][(pair + i) % 2] += to_float(sum) * pair_scales(dtype, scales[t], pair, i);
        }
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
    BLOCK_TYPES_OF_256(FEW_CASES)
  }
}

static void few_multiply(const struct part* part, const struct panel* panel, int first_tile,
                         int tokens, float* out, void* space) {
  (void)first_tile, (void)space;
  int group_bytes = tokens * (int)sizeof(struct packed) / BLOCK_GROUPS;
  int first = 0;
  do {
    struct stretch stretch = stretch_of(part, first, BLOCK_GROUPS, group_bytes, L1_SHARE);
    few_stretch(part, panel, stretch, out);
    first = stretch.end;
  } while (first < part->group_count);
}

const struct method VARIANT(int8_few_of_256) = {1, few_tile_bytes, few_member_bytes, few_pack,
                                                few_multiply};

#endif
