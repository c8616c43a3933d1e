// operations.h: what every instruction set implements. The files named in OPERATION_SOURCES of
// scripts/build-native.sh are compiled once for each, with RAP_VARIANT set to its name.

#ifndef RAP_OPERATIONS_H
#define RAP_OPERATIONS_H

#include "team.h"

// Start and end of each range.
struct ranges {
  const int32_t* bounds;  // [count, 2]
  int count;
};

struct matrix {
  int dtype;
  int64_t row_bytes;
  const uint8_t* data;
  const float* bias;  // that is added to the product with each row, or NULL
};

// One product, or two with a gate. The letters are those of rap_matmul.
struct product {
  float* y;
  int64_t y_stride;
  const float* x;
  int64_t x_stride;
  int tokens;
  struct matrix w[2];  // the gate and then what it lets through, if there are two
  int matrices;
  struct ranges rows;
  struct ranges columns;
  int accumulate;
  int activation;  // of the gate, an enum rap_activation
};

struct attention {
  float* y;
  const float* q;
  int64_t stride;
  int queries_per_group;
  float scale;     // of scores
  float soft_cap;  // of scaled scores, or 0
  int window;      // most positions that a token sees
  const uint16_t* keys;
  const uint16_t* values;
  int64_t group_stride;
  int head_size;
  int tokens;
  const int32_t* positions;
  const int32_t* sequence_of;
  const int32_t* block_tables;
  int64_t block_table_stride;
  int block_size;
  const uint8_t* present;
  int kv_heads;
  struct ranges groups;
};

// The name of `name` in the instruction set that is being compiled.
#define RAP_JOIN_(a, b) a##_##b
#define RAP_JOIN(a, b) RAP_JOIN_(a, b)
#define VARIANT(name) RAP_JOIN(name, RAP_VARIANT)

struct operations {
  int (*matmul)(rap_team*, const struct product*);
  int (*attention)(rap_team*, const struct attention*);
  void (*embed)(rap_team*, float* y, int dtype, const uint8_t* table, int64_t row_bytes,
                int64_t columns, const int32_t* tokens, int count);
  void (*rms_norm)(rap_team*, float* y, const float* x, int64_t stride, int tokens,
                   const float* weight, int64_t size, float eps, struct ranges columns,
                   int accumulate);
  void (*scale)(rap_team*, float* x, int rows, int64_t columns, float factor);
  void (*soft_cap)(rap_team*, float* x, int rows, int64_t columns, float cap);
  void (*multiply_adds)(rap_team*, float* x, int elements, float factor, float addend, int rounds);
  void (*add_row)(rap_team*, float* y, int64_t y_stride, int tokens, const float* row,
                  struct ranges columns);
  void (*rope)(rap_team*, float* x, int64_t x_stride, int tokens, const float* cos_sin,
               int rotary_size, int head_size, int interleaved, struct ranges columns);
  void (*store_kv)(rap_team*, uint16_t* keys, uint16_t* values, int64_t group_stride, int head_size,
                   const float* k, const float* v, int64_t stride, int tokens,
                   const int32_t* slots, struct ranges groups);
  void (*log_probs)(rap_team*, double* y, const float* logits, int tokens, int64_t vocabulary,
                    const int32_t* targets);
};

#ifdef RAP_VARIANT
extern const struct operations VARIANT(operations);
int VARIANT(matmul)(rap_team*, const struct product*);
int VARIANT(attention)(rap_team*, const struct attention*);
void VARIANT(embed)(rap_team*, float* y, int dtype, const uint8_t* table, int64_t row_bytes, int64_t
                    columns, const int32_t* tokens, int count);
void VARIANT(rms_norm)(rap_team*, float* y, const float* x, int64_t stride, int tokens,
                       const float* weight, int64_t size, float eps, struct ranges columns,
                       int accumulate);
void VARIANT(scale)(rap_team*, float* x, int rows, int64_t columns, float factor);
void VARIANT(soft_cap)(rap_team*, float* x, int rows, int64_t columns, float cap);
void VARIANT(multiply_adds)(rap_team*, float* x, int elements, float factor, float addend, int rounds);
void VARIANT(add_row)(rap_team*, float* y, int64_t y_stride, int tokens, const float* row, struct
                      ranges columns);
void VARIANT(rope)(rap_team*, float* x, int64_t x_stride, int tokens, const float* cos_sin,
                   int rotary_size, int head_size, int interleaved, struct ranges columns);
void VARIANT(store_kv)(rap_team*, uint16_t* keys, uint16_t* values, int64_t group_stride, int
                       head_size, const float* k, const float* v, int64_t stride, int tokens, const
                       int32_t* slots, struct ranges groups);
void VARIANT(log_probs)(rap_team*, double* y, const float* logits, int tokens, int64_t vocabulary,
                        const int32_t* targets);
#endif

// The operations of an enum rap_isa.
const struct operations* operations_of(int isa);

#endif
