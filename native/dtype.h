// dtype.h: sizes of the storage types, those of dev.rap.tensor.DType.

#ifndef RAP_DTYPE_H
#define RAP_DTYPE_H

#include "rap_cpu.h"

enum { GROUP = 32 };  // elements that are read together: a block of the block types, or a part of it

#define PLAIN_TYPES(do_) do_(RAP_F32) do_(RAP_F16) do_(RAP_BF16)
#define BLOCK_TYPES_OF_32(do_) \
  do_(RAP_Q8_0) do_(RAP_Q4_0) do_(RAP_Q4_1) do_(RAP_Q5_0) do_(RAP_Q5_1)
#define BLOCK_TYPES_OF_256(do_) \
  do_(RAP_Q2_K) do_(RAP_Q3_K) do_(RAP_Q4_K) do_(RAP_Q5_K) do_(RAP_Q6_K)
#define BLOCK_TYPES(do_) BLOCK_TYPES_OF_32(do_) BLOCK_TYPES_OF_256(do_)

static inline int block_elements(int dtype) {
  switch (dtype) {
    case RAP_F32:
    case RAP_F16:
    case RAP_BF16: return 1;
    case RAP_Q2_K:
    case RAP_Q3_K:
    case RAP_Q4_K:
    case RAP_Q5_K:
    case RAP_Q6_K: return 256;
    default: return 32;
  }
}

// 0 if there is no such type.
static inline int block_bytes(int dtype) {
  switch (dtype) {
    case RAP_F32: return 4;
    case RAP_F16:
    case RAP_BF16: return 2;
    case RAP_Q8_0: return 34;
    case RAP_Q4_0: return 18;
    case RAP_Q4_1: return 20;
    case RAP_Q5_0: return 22;
    case RAP_Q5_1: return 24;
    case RAP_Q2_K: return 84;
    case RAP_Q3_K: return 110;
    case RAP_Q4_K: return 144;
    case RAP_Q5_K: return 176;
    case RAP_Q6_K: return 210;
    default: return 0;
  }
}

// Bytes before the block of a row that element `column` is in.
static inline int64_t column_offset(int dtype, int64_t column) {
  return column / block_elements(dtype) * block_bytes(dtype);
}

// Which group of its block begins with element `column`.
static inline int group_in_block(int dtype, int64_t column) {
  return (int)(column % block_elements(dtype) / GROUP);
}

#endif
