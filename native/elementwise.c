// elementwise.c: the operations that are not products. Each row or head is one thread's.

#include <math.h>

#include "operations.h"
#include "rows.h"

// Elements below which the caller is done before the team would have begun.
enum { GRAIN = 16384 };

static int items_for(int rows, int64_t row_elements) {
  return rows * row_elements < GRAIN ? 1 : rows;
}

struct rows_job {
  void* y;
  const void* x;
  const void* z;
  const int32_t* index;
  int64_t stride;
  int64_t size;
  struct ranges columns;
  int rows;
  int items;  // one does all rows, or each one row
  int kind;   // dtype, or whether pairs are interleaved or sums accumulate
  float eps;
};

INLINE int first_row(const struct rows_job* job, int item) { return job->items == 1 ? 0 : item; }

INLINE int end_row(const struct rows_job* job, int item) {
  return job->items == 1 ? job->rows : item + 1;
}

// ---- Embedding

INLINE void embed_row(const int dtype, float* y, const uint8_t* row, int64_t columns) {
  int64_t c = 0;
  for (; c + GROUP <= columns; c += GROUP) {
    vf v[GROUP_VECTORS];
    load_group(dtype, row + column_offset(dtype, c), group_in_block(dtype, c), v);
    for (int i = 0; i < GROUP_VECTORS; i++) store(y + c + i * W, v[i]);
  }
  if (block_elements(dtype) == 1 && c < columns) {
    float all[GROUP];
    vf v[GROUP_VECTORS];
    load_group_part(dtype, row + column_offset(dtype, c), (int)(columns - c), v);
    for (int i = 0; i < GROUP_VECTORS; i++) store(all + i * W, v[i]);
    memcpy(y + c, all, (size_t)(columns - c) * sizeof(float));
  }
}

static void embed_item(void* context, int item, int member) {
  (void)member;
  const struct rows_job* job = context;
  for (int t = first_row(job, item); t < end_row(job, item); t++) {
    float* y = (float*)job->y + t * job->size;
    const uint8_t* row = (const uint8_t*)job->x + job->index[t] * job->stride;
    switch (job->kind) {
#define CASE_(dtype) \
  case dtype: embed_row(dtype, y, row, job->size); break;
      PLAIN_TYPES(CASE_) BLOCK_TYPES(CASE_)
#undef CASE_
    }
  }
}

void VARIANT(embed)(rap_team* team, float* y, int dtype, const uint8_t* table, int64_t row_bytes,
                    int64_t columns, const int32_t* tokens, int count) {
  struct rows_job job = {.y = y, .x = table, .index = tokens, .stride = row_bytes, .size = columns,
                         .rows = count, .kind = dtype, .items = items_for(count, columns)};
  team_run(team, embed_item, &job, job.items);
}

// ---- RMSNorm

INLINE void rms_norm_run(const int accumulate, float* y, const float* x, const float* weight,
                         int64_t size, float eps) {
  vf squares[4] = {splat(0), splat(0), splat(0), splat(0)};
  int64_t c = 0;
  for (; c + 4 * W <= size; c += 4 * W) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      vf v = load(x + c + i * W);
      squares[i] += v * v;
    }
  }
  for (; c < size; c += W) {
    vf v = c + W <= size ? load(x + c) : load_part(x + c, (int)(size - c));
    squares[0] += v * v;
  }
  float mean = sum((squares[0] + squares[1]) + (squares[2] + squares[3])) / (float)size;
  float scale = 1 / sqrtf(mean + eps);
  for (c = 0; c + W <= size; c += W) {
    vf v = load(x + c) * scale * load(weight + c);
    store(y + c, accumulate ? load(y + c) + v : v);
  }
  for (; c < size; c++) {
    float v = x[c] * scale * weight[c];
    y[c] = accumulate ? y[c] + v : v;
  }
}

static void rms_norm_item(void* context, int item, int member) {
  (void)member;
  const struct rows_job* job = context;
  for (int t = first_row(job, item); t < end_row(job, item); t++) {
    float* y = (float*)job->y + t * job->stride;
    const float* x = (const float*)job->x + t * job->stride;
    for (int i = 0; i < job->columns.count; i++) {
      int64_t end = job->columns.bounds[2 * i + 1];
      for (int64_t c = job->columns.bounds[2 * i]; c < end; c += job->size) {
        if (job->kind) {
          rms_norm_run(1, y + c, x + c, job->z, job->size, job->eps);
        } else {
          rms_norm_run(0, y + c, x + c, job->z, job->size, job->eps);
        }
      }
    }
  }
}

void VARIANT(rms_norm)(rap_team* team, float* y, const float* x, int64_t stride, int tokens,
                       const float* weight, int64_t size, float eps, struct ranges columns,
                       int accumulate) {
  struct rows_job job = {.y = y, .x = x, .z = weight, .stride = stride, .size = size,
                         .columns = columns, .rows = tokens, .eps = eps, .kind = accumulate,
                         .items = items_for(tokens, stride)};
  team_run(team, rms_norm_item, &job, job.items);
}

// ---- Adding a row

static void add_row_item(void* context, int item, int member) {
  (void)member;
  const struct rows_job* job = context;
  const float* row = job->x;
  for (int t = first_row(job, item); t < end_row(job, item); t++) {
    float* y = (float*)job->y + t * job->stride;
    for (int i = 0; i < job->columns.count; i++) {
      int64_t c = job->columns.bounds[2 * i];
      int64_t end = job->columns.bounds[2 * i + 1];
      for (; c + W <= end; c += W) store(y + c, load(y + c) + load(row + c));
      for (; c < end; c++) y[c] += row[c];
    }
  }
}

void VARIANT(add_row)(rap_team* team, float* y, int64_t y_stride, int tokens, const float* row,
                      struct ranges columns) {
  struct rows_job job = {.y = y, .x = row, .stride = y_stride, .columns = columns, .rows = tokens,
                         .items = items_for(tokens, y_stride)};
  team_run(team, add_row_item, &job, job.items);
}

// ---- RoPE

static void rotate_halves(float* x, const float* cosines, const float* sines, int half) {
  int i = 0;
  for (; i + W <= half; i += W) {
    vf a = load(x + i), b = load(x + half + i);
    vf c = load(cosines + i), s = load(sines + i);
    store(x + i, a * c - b * s);
    store(x + half + i, b * c + a * s);
  }
  for (; i < half; i++) {
    float a = x[i], b = x[half + i];
    x[i] = a * cosines[i] - b * sines[i];
    x[half + i] = b * cosines[i] + a * sines[i];
  }
}

static void rotate_neighbours(float* x, const float* cosines, const float* sines, int half) {
  for (int i = 0; i < half; i++) {
    float a = x[2 * i], b = x[2 * i + 1];
    x[2 * i] = a * cosines[i] - b * sines[i];
    x[2 * i + 1] = b * cosines[i] + a * sines[i];
  }
}

struct rope_job {
  struct rows_job rows;
  int head_size;
};

static void rope_item(void* context, int item, int member) {
  (void)member;
  const struct rope_job* job = context;
  const struct rows_job* rows = &job->rows;
  int half = (int)rows->size / 2;
  for (int t = first_row(rows, item); t < end_row(rows, item); t++) {
    float* x = (float*)rows->y + t * rows->stride;
    const float* cosines = (const float*)rows->x + t * rows->size;
    for (int i = 0; i < rows->columns.count; i++) {
      int end = rows->columns.bounds[2 * i + 1];
      for (int c = rows->columns.bounds[2 * i]; c < end; c += job->head_size) {
        if (rows->kind) {
          rotate_neighbours(x + c, cosines, cosines + half, half);
        } else {
          rotate_halves(x + c, cosines, cosines + half, half);
        }
      }
    }
  }
}

void VARIANT(rope)(rap_team* team, float* x, int64_t x_stride, int tokens, const float* cos_sin,
                   int rotary_size, int head_size, int interleaved, struct ranges columns) {
  struct rope_job job = {.rows = {.y = x, .x = cos_sin, .stride = x_stride, .size = rotary_size,
                                  .columns = columns, .rows = tokens, .kind = interleaved,
                                  .items = items_for(tokens, x_stride)},
                         .head_size = head_size};
  team_run(team, rope_item, &job, job.rows.items);
}

// ---- Storing keys and values

struct store_job {
  struct rows_job rows;
  uint16_t* keys;
  uint16_t* values;
  int64_t group_stride;
};

static void store_head(uint16_t* to, const float* from, int size) {
  int i = 0;
  for (; i + W <= size; i += W) to_half(to + i, load(from + i));
  if (i < size) {
    uint16_t all[W];
    to_half(all, load_part(from + i, size - i));
    memcpy(to + i, all, 2 * (size_t)(size - i));
  }
}

static void store_kv_item(void* context, int item, int member) {
  (void)member;
  const struct store_job* job = context;
  const struct rows_job* rows = &job->rows;
  int size = (int)rows->size;
  for (int t = first_row(rows, item); t < end_row(rows, item); t++) {
    for (int i = 0; i < rows->columns.count; i++) {
      for (int g = rows->columns.bounds[2 * i]; g < rows->columns.bounds[2 * i + 1]; g++) {
        int64_t from = t * rows->stride + (int64_t)g * size;
        int64_t to = g * job->group_stride + (int64_t)rows->index[t] * size;
        store_head(job->keys + to, (const float*)rows->x + from, size);
        store_head(job->values + to, (const float*)rows->z + from, size);
      }
    }
  }
}

void VARIANT(store_kv)(rap_team* team, uint16_t* keys, uint16_t* values, int64_t group_stride,
                       int head_size, const float* k, const float* v, int64_t stride, int tokens,
                       const int32_t* slots, struct ranges groups) {
  struct store_job job = {.rows = {.x = k, .z = v, .index = slots, .stride = stride,
                                   .size = head_size, .columns = groups, .rows = tokens,
                                   .items = items_for(tokens, stride)},
                          .keys = keys, .values = values, .group_stride = group_stride};
  team_run(team, store_kv_item, &job, job.rows.items);
}

// ---- Log-probabilities

// Logits whose exponentials are summed in float32 before they join a float64: with 16 lanes a lane
// adds up 64, so that rounding stays below exp_of's own error.
enum { STRETCH = 1024 };

static double sum_of_exponentials(const float* x, int64_t size, float most) {
  double total = 0;
  for (int64_t first = 0; first < size; first += STRETCH) {
    int64_t end = first + STRETCH < size ? first + STRETCH : size;
    vf part = splat(0);
    int64_t i = first;
    for (; i + W <= end; i += W) part += exp_of(load(x + i) - most);
    total += sum(part);
    if (i < end) {
      vf last = exp_of(load_part(x + i, (int)(end - i)) - most);
      for (int j = 0; j < end - i; j++) total += last[j];
    }
  }
  return total;
}

static void log_probs_item(void* context, int item, int member) {
  (void)member;
  const struct rows_job* job = context;
  const float* x = (const float*)job->x + item * job->size;
  vf tops = splat(-INFINITY);
  int64_t i = 0;
  for (; i + W <= job->size; i += W) tops = larger(tops, load(x + i));
  float most = largest(tops);
  for (; i < job->size; i++) most = x[i] > most ? x[i] : most;
  double logit = x[job->index[item]];
  ((double*)job->y)[item] = logit - most - log(sum_of_exponentials(x, job->size, most));
}

void VARIANT(log_probs)(rap_team* team, double* y, const float* logits, int tokens,
                        int64_t vocabulary, const int32_t* targets) {
  struct rows_job job = {.y = y, .x = logits, .index = targets, .size = vocabulary};
  team_run(team, log_probs_item, &job, tokens);
}
