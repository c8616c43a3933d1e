// rows.h: elements of weight rows as floats, by the layouts in dev.rap.tensor.DType.

#ifndef RAP_ROWS_H
#define RAP_ROWS_H

#include "dtype.h"
#include "simd.h"

enum { GROUP_VECTORS = GROUP / W };

// What a stored q stands above its value, in units of the scale.
INLINE int zero_of(int dtype) {
  switch (dtype) {
    case RAP_Q4_0: return 8;
    case RAP_Q5_0: return 16;
    case RAP_Q3_K: return 4;
    case RAP_Q6_K: return 32;
    default: return 0;
  }
}

// An element is scale * (q - zero) + minimum.
struct scale {
  float scale;
  float minimum;
};

// Scale (first = 4) or minimum (first = 8) of a group, 6 bits each. Groups 0 ... 3 have the low bits
// of a byte each; of the others the low nibbles share bytes 12 ... 15, and the high bits lie above
// those of groups 0 ... 3.
INLINE int six_bits(const uint8_t* p, int first, int group) {
  if (group < 4) return p[first + group] & 63;
  int low = first == 4 ? p[8 + group] & 15 : p[8 + group] >> 4;
  return low | p[first + group - 4] >> 6 << 4;
}

// Of elements 16 * half ... of a group of the block at p.
INLINE struct scale scale_of(int dtype, const uint8_t* p, int group, int half) {
  int i = 2 * group + half;
  switch (dtype) {
    case RAP_Q8_0:
    case RAP_Q4_0:
    case RAP_Q5_0: return (struct scale){half_to_float(p), 0};
    case RAP_Q4_1:
    case RAP_Q5_1: return (struct scale){half_to_float(p), half_to_float(p + 2)};
    case RAP_Q2_K:
      return (struct scale){half_to_float(p + 80) * (float)(p[i] & 15),
                            -half_to_float(p + 82) * (float)(p[i] >> 4)};
    case RAP_Q3_K: {
      int low = p[96 + i % 8] >> i / 8 * 4 & 15;
      int high = p[104 + i % 4] >> i / 4 * 2 & 3;
      return (struct scale){half_to_float(p + 108) * (float)((low | high << 4) - 32), 0};
    }
    case RAP_Q4_K:
    case RAP_Q5_K:
      return (struct scale){half_to_float(p) * (float)six_bits(p, 4, group),
                            -half_to_float(p + 2) * (float)six_bits(p, 8, group)};
    case RAP_Q6_K:
      return (struct scale){half_to_float(p + 208) * (float)(int8_t)p[192 + i], 0};
    default: return (struct scale){1, 0};
  }
}

// Elements at ... at + W - 1 of a group of the block at p, as they are stored.
INLINE vi stored(int dtype, const uint8_t* p, int group, int at) {
  // In blocks of 32, byte j of the nibbles holds elements j and j + 16.
  int nibble = at % 16;
  int nibble_shift = at / 16 * 4;
  vi lanes;
  for (int i = 0; i < W; i++) lanes[i] = at + i;
  int32_t high;
  switch (dtype) {
    case RAP_Q4_0: return bits_of(p + 2 + nibble, nibble_shift, 15);
    case RAP_Q4_1: return bits_of(p + 4 + nibble, nibble_shift, 15);
    case RAP_Q5_0:
      memcpy(&high, p + 2, 4);
      return bits_of(p + 6 + nibble, nibble_shift, 15) | (splat_int(high) >> lanes & 1) << 4;
    case RAP_Q5_1:
      memcpy(&high, p + 4, 4);
      return bits_of(p + 8 + nibble, nibble_shift, 15) | (splat_int(high) >> lanes & 1) << 4;
    case RAP_Q2_K: return bits_of(p + 16 + group / 4 * 32 + at, group % 4 * 2, 3);
    case RAP_Q3_K:
      return bits_of(p + 32 + group / 4 * 32 + at, group % 4 * 2, 3) |
             bits_of(p + at, group, 1) << 2;
    case RAP_Q4_K: return bits_of(p + 16 + group / 2 * 32 + at, group % 2 * 4, 15);
    case RAP_Q5_K:
      return bits_of(p + 48 + group / 2 * 32 + at, group % 2 * 4, 15) |
             bits_of(p + 16 + at, group, 1) << 4;
    default:  // RAP_Q6_K
      return bits_of(p + group / 4 * 64 + group % 2 * 32 + at, group / 2 % 2 * 4, 15) |
             bits_of(p + 128 + group / 4 * 32 + at, group % 4 * 2, 3) << 4;
  }
}

// The GROUP elements of a group of the block at p.
INLINE void load_group(int dtype, const uint8_t* p, int group, vf out[GROUP_VECTORS]) {
#pragma GCC unroll 8
  for (int i = 0; i < GROUP_VECTORS; i++) {
    int at = i * W;
    struct scale scale = scale_of(dtype, p, group, at / 16);
    switch (dtype) {
      case RAP_F32: out[i] = load((const float*)p + at); break;
      case RAP_F16: out[i] = from_half((const uint16_t*)p + at); break;
      case RAP_BF16: out[i] = from_bf16((const uint16_t*)p + at); break;
      case RAP_Q8_0: out[i] = from_int8(p + 2 + at) * scale.scale; break;
      default:
        out[i] = to_float(stored(dtype, p, group, at) - zero_of(dtype)) * scale.scale +
                 scale.minimum;
    }
  }
}

// The n < GROUP elements at p, then zeros. Block types have no such groups.
INLINE void load_group_part(int dtype, const uint8_t* p, int n, vf out[GROUP_VECTORS]) {
  uint8_t all[4 * GROUP] = {0};
  memcpy(all, p, (size_t)n * (dtype == RAP_F32 ? 4 : 2));
  load_group(dtype, all, 0, out);
}

#endif
