// simd.h: vectors of the widest kind that the instruction set being compiled has.
//
// Arithmetic is written with operators; a * b + c becomes one fused instruction where there is one.

#ifndef RAP_SIMD_H
#define RAP_SIMD_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#define W 16  // floats in a vector
#elif defined(__AVX2__)
#define W 8
#else
#define W 4
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * W)));
typedef int32_t vi __attribute__((vector_size(4 * W)));
typedef float vf_anywhere __attribute__((vector_size(4 * W), aligned(1), may_alias));
typedef int32_t vi_anywhere __attribute__((vector_size(4 * W), aligned(1), may_alias));

INLINE vf load(const float* p) { return *(const vf_anywhere*)p; }
INLINE void store(float* p, vf v) { *(vf_anywhere*)p = v; }

#if W == 16
INLINE vf splat(float x) { return _mm512_set1_ps(x); }
INLINE vi splat_int(int32_t x) { return (vi)_mm512_set1_epi32(x); }
INLINE vf to_float(vi v) { return _mm512_cvtepi32_ps((__m512i)v); }
// NaN if b is; a is the bound.
INLINE vf larger(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE vf smaller(vf a, vf b) { return _mm512_min_ps(a, b); }
INLINE float sum(vf v) { return _mm512_reduce_add_ps(v); }
INLINE float largest(vf v) { return _mm512_reduce_max_ps(v); }
INLINE vf from_half(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p));
}
INLINE void to_half(uint16_t* p, vf v) {
  _mm256_storeu_si256((__m256i*)p, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
INLINE vf from_bf16(const uint16_t* p) {
  return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p)), 16);
}
INLINE vf from_int8(const uint8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)p)));
}
INLINE vi load_bytes(const uint8_t* p) {
  return (vi)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)p));
}
#elif W == 8
INLINE vf splat(float x) { return _mm256_set1_ps(x); }
INLINE vi splat_int(int32_t x) { return (vi)_mm256_set1_epi32(x); }
INLINE vf to_float(vi v) { return _mm256_cvtepi32_ps((__m256i)v); }
INLINE vf larger(vf a, vf b) { return _mm256_max_ps(a, b); }
INLINE vf smaller(vf a, vf b) { return _mm256_min_ps(a, b); }
INLINE vf from_half(const uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p));
}
INLINE void to_half(uint16_t* p, vf v) {
  _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
INLINE vf from_bf16(const uint16_t* p) {
  return (vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)p)), 16);
}
INLINE vf from_int8(const uint8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p)));
}
INLINE vi load_bytes(const uint8_t* p) {
  return (vi)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p));
}
#else
INLINE vf splat(float x) { return _mm_set1_ps(x); }
INLINE vi splat_int(int32_t x) { return (vi)_mm_set1_epi32(x); }
INLINE vf to_float(vi v) { return _mm_cvtepi32_ps((__m128i)v); }
INLINE vf larger(vf a, vf b) { return _mm_max_ps(a, b); }
INLINE vf smaller(vf a, vf b) { return _mm_min_ps(a, b); }
INLINE __m128i load_words(const uint16_t* p) {  // 4 of them as int32
  return _mm_unpacklo_epi16(_mm_loadl_epi64((const __m128i*)p), _mm_setzero_si128());
}
INLINE vf from_half(const uint16_t* p) {
  vi h = (vi)load_words(p);
  vi magnitude = (h & 0x7fff) << 13;
  // The exponents' biases differ by 112; subnormal halves become normal by the product.
  vi bits = (vi)((vf)magnitude * 0x1p112f);
  bits |= (magnitude >= 0x7c00 << 13) & 0x7f800000;  // infinities and NaNs
  return (vf)(bits | (h & 0x8000) << 16);
}
INLINE uint16_t half_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  uint32_t sign = bits >> 16 & 0x8000;
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00);   // NaN
  if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00);  // rounds to infinity
  if (magnitude < 0x38800000) {  // subnormal: let the adder round at 2^-24
    float tiny;
    memcpy(&tiny, &magnitude, 4);
    tiny += 0.5f;  // one ulp of [0.5, 1) is 2^-24
    memcpy(&bits, &tiny, 4);
    return (uint16_t)(sign | (bits - 0x3f000000));
  }
  magnitude += 0xfff + (magnitude >> 13 & 1);  // to nearest, ties to even
  return (uint16_t)(sign | (magnitude - (112u << 23)) >> 13);
}
INLINE void to_half(uint16_t* p, vf v) {
  for (int i = 0; i < W; i++) p[i] = half_of(v[i]);
}
INLINE vf from_bf16(const uint16_t* p) { return (vf)((vi)load_words(p) << 16); }
INLINE vi load_bytes(const uint8_t* p) {
  int32_t word;
  memcpy(&word, p, 4);
  __m128i words = _mm_unpacklo_epi8(_mm_cvtsi32_si128(word), _mm_setzero_si128());
  return (vi)_mm_unpacklo_epi16(words, _mm_setzero_si128());
}
INLINE vf from_int8(const uint8_t* p) { return to_float(load_bytes(p) << 24 >> 24); }
#endif

// Some bits of each of W bytes.
INLINE vi bits_of(const uint8_t* p, int shift, int mask) { return load_bytes(p) >> shift & mask; }

#if W != 16
INLINE float sum(vf v) {
  float s = 0;
  for (int i = 0; i < W; i++) s += v[i];
  return s;
}
INLINE float largest(vf v) {
  float most = v[0];
  for (int i = 1; i < W; i++) most = v[i] > most ? v[i] : most;
  return most;
}
#endif

// The sums of four vectors.
INLINE __m128 sums4(vf a, vf b, vf c, vf d) {
#if W == 16
#define FOLD_(v) _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1))
#else
#define FOLD_(v) (v)
#endif
#if W >= 8
#define FOLD(v) \
  _mm_add_ps(_mm256_castps256_ps128(FOLD_(v)), _mm256_extractf128_ps(FOLD_(v), 1))
#else
#define FOLD(v) FOLD_(v)
#endif
  __m128 p = FOLD(a), q = FOLD(b), r = FOLD(c), s = FOLD(d);
#undef FOLD
#undef FOLD_
  _MM_TRANSPOSE4_PS(p, q, r, s);
  return _mm_add_ps(_mm_add_ps(p, q), _mm_add_ps(r, s));
}

// The first n < W elements, then zeros.
INLINE vf load_part(const float* p, int n) {
  float all[W] = {0};
  memcpy(all, p, 4 * (size_t)n);
  return load(all);
}
INLINE vf from_half_part(const uint16_t* p, int n) {
  uint16_t all[W] = {0};
  memcpy(all, p, 2 * (size_t)n);
  return from_half(all);
}
INLINE void store_part(float* p, vf v, int n) {
  float all[W];
  store(all, v);
  memcpy(p, all, 4 * (size_t)n);
}

INLINE float half_to_float(const void* p) {
  uint16_t half;
  memcpy(&half, p, 2);
#if W >= 8
  return _cvtsh_ss(half);
#else
  uint32_t bits = (uint32_t)(half & 0x7fff) << 13;
  float x;
  memcpy(&x, &bits, 4);
  x *= 0x1p112f;  // as in from_half
  memcpy(&bits, &x, 4);
  if ((half & 0x7c00) == 0x7c00) bits |= 0x7f800000;
  bits |= (uint32_t)(half & 0x8000) << 16;
  memcpy(&x, &bits, 4);
  return x;
#endif
}

// exp(x), relative error below 2e-7; x below -87.3 gives exp(-87.3), above 88.3 exp(88.3).
// exp(x) = 2^n exp(r), n = round(x / ln 2): Cody and Waite's two-part ln 2, then the Taylor series
// to r^7, whose remainder at |r| = ln 2 / 2 is 5e-9.
INLINE vf exp_of(vf x) {
  x = larger(splat(-87.3f), smaller(splat(88.3f), x));
  const float shift = 12582912.f;  // 1.5 * 2^23: adding it rounds to an integer
  vf shifted = x * 1.44269504f + shift;
  vf n = shifted - shift;
  vf r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  vf p = splat(1.f / 5040);
  p = p * r + 1.f / 720;
  p = p * r + 1.f / 120;
  p = p * r + 1.f / 24;
  p = p * r + 1.f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.f;
  p = p * r + 1.f;
  return (vf)((vi)p + (((vi)shifted) << 23));
}

// cap * tanh(x / cap), absolute error below cap * 5e-7.
INLINE vf soft_cap_of(vf x, float cap) {
  return cap - 2 * cap / (exp_of(x * (2 / cap)) + 1.f);
}

#if W >= 8
typedef double vd __attribute__((vector_size(4 * W)));

// Transposes the 8 x 8 matrix in each eight lanes of v.
INLINE void transpose_eights(vf v[8]) {
#if W == 16
#define WIDE_(name) _mm512_##name
#else
#define WIDE_(name) _mm256_##name
#endif
  vf pairs[8], fours[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = WIDE_(unpacklo_ps)(v[i], v[i + 1]);
    pairs[i + 1] = WIDE_(unpackhi_ps)(v[i], v[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    fours[i] = (vf)WIDE_(unpacklo_pd)((vd)pairs[i], (vd)pairs[i + 2]);
    fours[i + 1] = (vf)WIDE_(unpackhi_pd)((vd)pairs[i], (vd)pairs[i + 2]);
    fours[i + 2] = (vf)WIDE_(unpacklo_pd)((vd)pairs[i + 1], (vd)pairs[i + 3]);
    fours[i + 3] = (vf)WIDE_(unpackhi_pd)((vd)pairs[i + 1], (vd)pairs[i + 3]);
  }
#undef WIDE_
  // Of each eight lanes fours[j] holds elements j and j + 4 of rows 0-3, fours[j + 4] of the others.
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
#if W == 16
    __m512i first = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
    __m512i second = _mm512_setr_epi32(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
    v[j] = _mm512_permutex2var_ps(fours[j], first, fours[j + 4]);
    v[j + 4] = _mm512_permutex2var_ps(fours[j], second, fours[j + 4]);
#else
    v[j] = _mm256_permute2f128_ps(fours[j], fours[j + 4], 0x20);
    v[j + 4] = _mm256_permute2f128_ps(fours[j], fours[j + 4], 0x31);
#endif
  }
}
#endif

// Transposes v as a W x W matrix.
#if W == 16
INLINE void transpose(vf v[W]) {
  // First the 4 x 4 matrices of each quarter of four rows: by_four[r][c] holds, in quarter q,
  // elements 4q + c of rows 4r ... 4r + 3. Then quarters change places.
  vf by_four[4][4];
#pragma GCC unroll 4
  for (int r = 0; r < 4; r++) {
    __m512 a = _mm512_unpacklo_ps(v[4 * r], v[4 * r + 1]);
    __m512 b = _mm512_unpackhi_ps(v[4 * r], v[4 * r + 1]);
    __m512 c = _mm512_unpacklo_ps(v[4 * r + 2], v[4 * r + 3]);
    __m512 d = _mm512_unpackhi_ps(v[4 * r + 2], v[4 * r + 3]);
    by_four[r][0] = (vf)_mm512_unpacklo_pd((__m512d)a, (__m512d)c);
    by_four[r][1] = (vf)_mm512_unpackhi_pd((__m512d)a, (__m512d)c);
    by_four[r][2] = (vf)_mm512_unpacklo_pd((__m512d)b, (__m512d)d);
    by_four[r][3] = (vf)_mm512_unpackhi_pd((__m512d)b, (__m512d)d);
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; c++) {
    __m512 even_low = _mm512_shuffle_f32x4(by_four[0][c], by_four[1][c], 0x88);
    __m512 even_high = _mm512_shuffle_f32x4(by_four[2][c], by_four[3][c], 0x88);
    __m512 odd_low = _mm512_shuffle_f32x4(by_four[0][c], by_four[1][c], 0xdd);
    __m512 odd_high = _mm512_shuffle_f32x4(by_four[2][c], by_four[3][c], 0xdd);
    v[c] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
    v[c + 4] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
    v[c + 8] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
    v[c + 12] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
  }
}
#elif W == 8
INLINE void transpose(vf v[W]) { transpose_eights(v); }
#else
INLINE void transpose(vf v[W]) { _MM_TRANSPOSE4_PS(v[0], v[1], v[2], v[3]); }
#endif

#endif
