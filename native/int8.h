// int8.h: blocks and activations as bytes.
//
// A weight of a block is d * (u - zero) + m for an unsigned byte u; Q8_0 has u = q + 128. Blocks of
// 256 have d and m for each group or half group. An activation of a group is s * a for a signed byte
// a. Hence
//   sum of w * x = s * (d * sum((u - zero) * a) + m * sum(a)),
// and zero * sum(a) is an integer, which the first sum starts below, without error.
// vpdpbusd multiplies unsigned by signed bytes and adds up four products, without saturation. Where
// there is none, vpmaddubsw adds up two in 16 bits, which they do not leave while u <= 128: Q8_0
// has q itself there, whose sign moves to a.

#ifndef RAP_INT8_H
#define RAP_INT8_H

#include "product.h"

enum { PAIR = 16 / W };                // vectors that two groups fill
enum { Q8_0_ZERO = W == 16 ? 128 : 0 };

// What a byte stands above the value.
INLINE int byte_zero_of(int dtype) { return dtype == RAP_Q8_0 ? Q8_0_ZERO : zero_of(dtype); }

INLINE int has_minimum(int dtype) {
  return dtype == RAP_Q4_1 || dtype == RAP_Q5_1 || dtype == RAP_Q2_K || dtype == RAP_Q4_K ||
         dtype == RAP_Q5_K;
}

// The largest byte.
INLINE int most_byte(int dtype) {
  switch (dtype) {
    case RAP_Q2_K: return 3;
    case RAP_Q3_K: return 7;
    case RAP_Q5_0:
    case RAP_Q5_1:
    case RAP_Q5_K: return 31;
    case RAP_Q6_K: return 63;
    case RAP_Q8_0: return 128;
    default: return 15;
  }
}

// Scales that a group has.
INLINE int scales_of(int dtype) {
  return dtype == RAP_Q2_K || dtype == RAP_Q3_K || dtype == RAP_Q6_K ? 2 : 1;
}

// Some bits of each of 32 bytes; they must not reach into the next byte.
INLINE __m256i bits_of_32(const uint8_t* p, int shift, int mask) {
  __m256i bytes = _mm256_srl_epi32(_mm256_loadu_si256((const __m256i*)p), _mm_cvtsi32_si128(shift));
  return _mm256_and_si256(bytes, _mm256_set1_epi8((char)mask));
}

// The 32 nibbles of a block of 32.
INLINE __m256i nibbles_of_32(const uint8_t* p) {
  __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i*)p));
  __m256i shifted = _mm256_srlv_epi32(both, _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4));
  return _mm256_and_si256(shifted, _mm256_set1_epi8(15));
}

// `value` in each byte whose bit is set in the four bytes at p.
INLINE __m256i bytes_where(const uint8_t* p, int value) {
  uint32_t mask;
  memcpy(&mask, p, 4);
#if W == 16
  return _mm256_maskz_set1_epi8(mask, (char)value);
#else
  // Byte i takes byte i / 8 of the mask, then asks for its bit.
  __m256i four = _mm256_set1_epi32((int)mask);
  __m256i spread = _mm256_shuffle_epi8(
      four, _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303));
  __m256i bits = _mm256_set1_epi64x((int64_t)0x8040201008040201);
  __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bits), bits);
  return _mm256_and_si256(set, _mm256_set1_epi8((char)value));
#endif
}

// The 32 bytes of a group of the block at p.
INLINE __m256i weight_bytes(int dtype, const uint8_t* p, int group) {
  switch (dtype) {
    case RAP_Q8_0:
      return _mm256_xor_si256(_mm256_loadu_si256((const __m256i*)(p + 2)),
                              _mm256_set1_epi8((char)Q8_0_ZERO));
    case RAP_Q4_0: return nibbles_of_32(p + 2);
    case RAP_Q4_1: return nibbles_of_32(p + 4);
    case RAP_Q5_0: return _mm256_or_si256(nibbles_of_32(p + 6), bytes_where(p + 2, 16));
    case RAP_Q5_1: return _mm256_or_si256(nibbles_of_32(p + 8), bytes_where(p + 4, 16));
    case RAP_Q2_K: return bits_of_32(p + 16 + group / 4 * 32, group % 4 * 2, 3);
    case RAP_Q3_K:
      return _mm256_or_si256(bits_of_32(p + 32 + group / 4 * 32, group % 4 * 2, 3),
                             _mm256_slli_epi32(bits_of_32(p, group, 1), 2));
    case RAP_Q4_K: return bits_of_32(p + 16 + group / 2 * 32, group % 2 * 4, 15);
    case RAP_Q5_K:
      return _mm256_or_si256(bits_of_32(p + 48 + group / 2 * 32, group % 2 * 4, 15),
                             _mm256_slli_epi32(bits_of_32(p + 16, group, 1), 4));
    default:  // RAP_Q6_K
      return _mm256_or_si256(
          bits_of_32(p + group / 4 * 64 + group % 2 * 32, group / 2 % 2 * 4, 15),
          _mm256_slli_epi32(bits_of_32(p + 128 + group / 4 * 32, group % 4 * 2, 3), 4));
  }
}

// A group of activations as bytes.
struct rounded {
  __m256i bytes;
  float scale;    // NaN if one of the activations is
};

INLINE vf magnitude(vf v) { return (vf)((vi)v & 0x7fffffff); }

INLINE int has_nan(vf a, vf b) {
#if W == 16
  return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q) != 0;
#else
  return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_UNORD_Q)) != 0;
#endif
}

// Each to the nearest integer, which must fit.
INLINE __m256i to_bytes(const vf v[GROUP_VECTORS]) {
#if W == 16
  __m128i low = _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(v[0]));
  __m128i high = _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(v[1]));
  return _mm256_set_m128i(high, low);
#else
  __m256i low = _mm256_packs_epi32(_mm256_cvtps_epi32(v[0]), _mm256_cvtps_epi32(v[1]));
  __m256i high = _mm256_packs_epi32(_mm256_cvtps_epi32(v[2]), _mm256_cvtps_epi32(v[3]));
  return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high),
                                     _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
#endif
}

// All elements of a group take part, or none.
INLINE struct rounded round_group(const float* x, int elements) {
  if (elements == 0) return (struct rounded){_mm256_setzero_si256(), 0};
  vf v[GROUP_VECTORS];
  vf most_of = splat(0);
  int nan = 0;
  for (int i = 0; i < GROUP_VECTORS; i += 2) {
    v[i] = load(x + i * W);
    v[i + 1] = load(x + (i + 1) * W);
    nan |= has_nan(v[i], v[i + 1]);
    most_of = larger(most_of, larger(magnitude(v[i]), magnitude(v[i + 1])));
  }
  float most = largest(most_of);
  vf inverse = splat(most > 0x1p-120f ? 127.f / most : 0.f);
  for (int i = 0; i < GROUP_VECTORS; i++) v[i] *= inverse;
  return (struct rounded){to_bytes(v), nan ? __builtin_nanf("") : most / 127.f};
}

// Sums of four neighbours.
INLINE __m256i sums_of_four(__m256i bytes) {
  return _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes), _mm256_set1_epi16(1));
}

INLINE int sum_of_four(__m128i v) {
  __m128i s = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

// The bytes of two groups, side by side.
INLINE void join(__m256i first, __m256i second, vi to[PAIR]) {
#if W == 16
  to[0] = (vi)_mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
#else
  to[0] = (vi)first;
  to[1] = (vi)second;
#endif
}

#if W == 16

// start + the four products of each lane's weights and activations.
INLINE vi dot(int dtype, vi start, vi weights, vi activations) {
  (void)dtype;
  return (vi)_mm512_dpbusd_epi32((__m512i)start, (__m512i)weights, (__m512i)activations);
}

#else

typedef int16_t vs __attribute__((vector_size(4 * W)));

// The products of weights and activations, two neighbours' added up. dot does the same for four.
INLINE vs products_of_two(int dtype, vi weights, vi activations) {
  __m256i u = (__m256i)weights, a = (__m256i)activations;
  if (dtype == RAP_Q8_0) {
    a = _mm256_sign_epi8(a, u);
    u = _mm256_abs_epi8(u);
  }
  return (vs)_mm256_maddubs_epi16(u, a);
}

INLINE vi sums_of_two(vs pairs) {
  return (vi)_mm256_madd_epi16((__m256i)pairs, _mm256_set1_epi16(1));
}

INLINE vi dot(int dtype, vi start, vi weights, vi activations) {
  return start + sums_of_two(products_of_two(dtype, weights, activations));
}

#endif

#endif
