// int8.h: blocks and activations as bytes.
//
// A weight of a block is d * (u - zero) + m for an unsigned byte u; Q8_0 has u = q + 128. Blocks of
// 256 have d and m for each group or half group. An activation of a group is s * a for a signed byte
// a. Hence
//   sum of w * x = s * (d * sum((u - zero) * a) + m * sum(a)),
// and zero * sum(a) is an integer, which the first sum starts below, without error.
// vpdpbusd multiplies unsigned by signed bytes and adds up four products, without saturation.

#ifndef RAP_INT8_H
#define RAP_INT8_H

#include "product.h"

// What u stands above the value.
INLINE int byte_zero_of(int dtype) { return dtype == RAP_Q8_0 ? 128 : zero_of(dtype); }

INLINE int has_minimum(int dtype) {
  return dtype == RAP_Q4_1 || dtype == RAP_Q5_1 || dtype == RAP_Q2_K || dtype == RAP_Q4_K ||
         dtype == RAP_Q5_K;
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
  return _mm256_maskz_set1_epi8(mask, (char)value);
}

// The 32 unsigned bytes of a group of the block at p.
INLINE __m256i unsigned_bytes(int dtype, const uint8_t* p, int group) {
  switch (dtype) {
    case RAP_Q8_0:
      return _mm256_xor_si256(_mm256_loadu_si256((const __m256i*)(p + 2)),
                              _mm256_set1_epi8((char)0x80));
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

INLINE int sum_of_four(__m128i v) {
  __m128i s = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

#endif
