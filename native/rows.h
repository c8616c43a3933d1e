// rows.h: elements of weight rows as floats, by the layouts in dev.rap.tensor.DType.

#ifndef RAP_ROWS_H
#define RAP_ROWS_H

#include "rap_cpu.h"
#include "simd.h"

enum { GROUP = 32 };              // elements that are read together: a block of the block types
enum { GROUP_VECTORS = GROUP / W };

INLINE int64_t group_bytes(int dtype) {
  switch (dtype) {
    case RAP_F32: return 4 * GROUP;
    case RAP_Q8_0: return 34;
    case RAP_Q4_0: return 18;
    case RAP_Q4_1: return 20;
    default: return 2 * GROUP;
  }
}

// Bytes before element `column` of a row, which is the first of a block.
INLINE int64_t column_offset(int dtype, int64_t column) {
  switch (dtype) {
    case RAP_F32: return 4 * column;
    case RAP_F16:
    case RAP_BF16: return 2 * column;
    default: return column / GROUP * group_bytes(dtype);
  }
}

// The GROUP elements at p.
INLINE void load_group(int dtype, const uint8_t* p, vf out[GROUP_VECTORS]) {
  int has_scale = dtype == RAP_Q8_0 || dtype == RAP_Q4_0 || dtype == RAP_Q4_1;
  float d = has_scale ? half_to_float(p) : 1;
  float m = dtype == RAP_Q4_1 ? half_to_float(p + 2) : 0;
#pragma GCC unroll 8
  for (int i = 0; i < GROUP_VECTORS; i++) {
    // Byte j of the 4-bit types holds elements j and j + 16.
    int at = i * W % 16;
    int shift = i * W / 16 * 4;
    switch (dtype) {
      case RAP_F32: out[i] = load((const float*)p + i * W); break;
      case RAP_F16: out[i] = from_half((const uint16_t*)p + i * W); break;
      case RAP_BF16: out[i] = from_bf16((const uint16_t*)p + i * W); break;
      case RAP_Q8_0: out[i] = from_int8(p + 2 + i * W) * d; break;
      case RAP_Q4_0: out[i] = (from_nibbles(p + 2 + at, shift) - 8.f) * d; break;
      case RAP_Q4_1: out[i] = from_nibbles(p + 4 + at, shift) * d + m; break;
    }
  }
}

// The n < GROUP elements at p, then zeros. Block types have no such groups.
INLINE void load_group_part(int dtype, const uint8_t* p, int n, vf out[GROUP_VECTORS]) {
  uint8_t all[4 * GROUP] = {0};
  memcpy(all, p, (size_t)n * (dtype == RAP_F32 ? 4 : 2));
  load_group(dtype, all, out);
}

#endif
