// rap_cpu.c: the functions of rap_cpu.h: checks, then the operations of the team's instruction set.

#include "rap_cpu.h"

#include "dtype.h"
#include "operations.h"

extern const struct operations operations_baseline, operations_avx2, operations_avx512,
    operations_avx512_bf16;

const struct operations* operations_of(int isa) {
  switch (isa) {
    case RAP_ISA_AVX512_BF16: return &operations_avx512_bf16;
    case RAP_ISA_AVX512: return &operations_avx512;
    case RAP_ISA_AVX2: return &operations_avx2;
    default: return &operations_baseline;
  }
}

int rap_abi_version(void) { return RAP_ABI_VERSION; }

int rap_best_isa(void) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("f16c")) {
    return RAP_ISA_BASELINE;
  }
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl") ||
      !__builtin_cpu_supports("avx512vnni")) {
    return RAP_ISA_AVX2;
  }
  return __builtin_cpu_supports("avx512bf16") ? RAP_ISA_AVX512_BF16 : RAP_ISA_AVX512;
}

static int all_below(const int32_t* index, int count, int64_t end) {
  for (int i = 0; i < count; i++) {
    if (index[i] < 0 || index[i] >= end) return 0;
  }
  return 1;
}

int rap_embed(rap_team* team, float* y, int dtype, const void* table, int64_t table_rows,
              int64_t columns, const int32_t* tokens, int count) {
  if (block_bytes(dtype) == 0) return RAP_BAD_DTYPE;
  if (!all_below(tokens, count, table_rows)) return RAP_BAD_INDEX;
  team_operations(team)->embed(team, y, dtype, table, column_offset(dtype, columns), columns, tokens, count);
  return RAP_OK;
}

int rap_rms_norm(rap_team* team, float* y, const float* x, int64_t stride, int tokens,
                 const float* weight, int64_t size, float eps, const int32_t* columns,
                 int column_ranges, int accumulate) {
  struct ranges c = {columns, column_ranges};
  team_operations(team)->rms_norm(team, y, x, stride, tokens, weight, size, eps, c, accumulate);
  return RAP_OK;
}

int rap_scale(rap_team* team, float* x, int rows, int64_t columns, float factor) {
  team_operations(team)->scale(team, x, rows, columns, factor);
  return RAP_OK;
}

int rap_soft_cap(rap_team* team, float* x, int rows, int64_t columns, float cap) {
  team_operations(team)->soft_cap(team, x, rows, columns, cap);
  return RAP_OK;
}

int rap_multiply_adds(rap_team* team, float* x, int elements, float factor, float addend,
                      int rounds) {
  team_operations(team)->multiply_adds(team, x, elements, factor, addend, rounds);
  return RAP_OK;
}

int rap_matmul(rap_team* team, float* y, int64_t y_stride, const float* x, int64_t x_stride,
               int tokens, int dtype, const void* w, int64_t row_bytes, const int32_t* rows,
               int row_ranges, const int32_t* columns, int column_ranges, int accumulate) {
  if (block_bytes(dtype) == 0) return RAP_BAD_DTYPE;
  struct product p = {.y = y, .y_stride = y_stride, .x = x, .x_stride = x_stride,
                      .tokens = tokens, .w = {{dtype, row_bytes, w, NULL}}, .matrices = 1,
                      .rows = {rows, row_ranges}, .columns = {columns, column_ranges},
                      .accumulate = accumulate};
  return team_operations(team)->matmul(team, &p);
}

int rap_gated_matmul(rap_team* team, float* y, int64_t y_stride, const float* x, int64_t x_stride,
                     int tokens, int gate_dtype, const void* gate, int64_t gate_row_bytes,
                     const float* gate_bias, int up_dtype, const void* up, int64_t up_row_bytes,
                     const float* up_bias, int activation, const int32_t* rows, int row_ranges,
                     int columns) {
  if (block_bytes(gate_dtype) == 0 || block_bytes(up_dtype) == 0) return RAP_BAD_DTYPE;
  int32_t all[2] = {0, columns};
  struct product p = {.y = y, .y_stride = y_stride, .x = x, .x_stride = x_stride,
                      .tokens = tokens, .matrices = 2, .rows = {rows, row_ranges},
                      .w = {{gate_dtype, gate_row_bytes, gate, gate_bias},
                            {up_dtype, up_row_bytes, up, up_bias}},
                      .columns = {all, 1}, .activation = activation};
  return team_operations(team)->matmul(team, &p);
}

int rap_add_row(rap_team* team, float* y, int64_t y_stride, int tokens, const float* row,
                const int32_t* columns, int column_ranges) {
  team_operations(team)->add_row(team, y, y_stride, tokens, row,
                                 (struct ranges){columns, column_ranges});
  return RAP_OK;
}

int rap_rope(rap_team* team, float* x, int64_t x_stride, int tokens, const float* cos_sin,
             int rotary_size, int head_size, int interleaved, const int32_t* columns,
             int column_ranges) {
  team_operations(team)->rope(team, x, x_stride, tokens, cos_sin, rotary_size, head_size,
                              interleaved, (struct ranges){columns, column_ranges});
  return RAP_OK;
}

int rap_store_kv(rap_team* team, void* keys, void* values, int64_t group_stride, int head_size,
                 const float* k, const float* v, int64_t stride, int tokens, const int32_t* slots,
                 const int32_t* groups, int group_ranges) {
  if (!all_below(slots, tokens, group_stride / head_size)) return RAP_BAD_INDEX;
  team_operations(team)->store_kv(team, keys, values, group_stride, head_size, k, v, stride, tokens,
                                  slots, (struct ranges){groups, group_ranges});
  return RAP_OK;
}

int rap_attention(rap_team* team, float* y, const float* q, int64_t stride, int queries_per_group,
                  float scale, float soft_cap, int window, const void* keys, const void* values,
                  int64_t group_stride, int head_size, int tokens, const int32_t* positions,
                  const int32_t* sequence_of, const int32_t* block_tables,
                  int64_t block_table_stride, int block_size, const uint8_t* present,
                  int kv_heads, const int32_t* groups, int group_ranges) {
  struct attention a = {.y = y, .q = q, .stride = stride, .queries_per_group = queries_per_group,
                        .scale = scale, .soft_cap = soft_cap, .window = window,
                        .keys = keys, .values = values, .group_stride = group_stride,
                        .head_size = head_size, .tokens = tokens, .positions = positions,
                        .sequence_of = sequence_of, .block_tables = block_tables,
                        .block_table_stride = block_table_stride, .block_size = block_size,
                        .present = present, .kv_heads = kv_heads,
                        .groups = {groups, group_ranges}};
  return team_operations(team)->attention(team, &a);
}

int rap_log_probs(rap_team* team, double* y, const float* logits, int tokens, int64_t vocabulary,
                  const int32_t* targets) {
  if (!all_below(targets, tokens, vocabulary)) return RAP_BAD_INDEX;
  team_operations(team)->log_probs(team, y, logits, tokens, vocabulary, targets);
  return RAP_OK;
}
