// int8.h: blocks and activations as bytes.
//
// A weight of a block is d * u + m for an unsigned byte u: Q8_0 has u = q + 128 and m = -128 d,
// Q4_0 m = -8 d, Q4_1 its own m. An activation of a group is s * a for a signed byte a. Hence
//   sum of w * x = s * (d * sum(u * a) + m * sum(a)),
// and where m is an integer times d, the second sum starts off the first one, without error.
// vpdpbusd multiplies unsigned by signed bytes and adds up four products, without saturation.

#ifndef RAP_INT8_H
#define RAP_INT8_H

#include "product.h"

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

#endif
