// attention.h: how attention is divided, and what its two ways share; see attention.c.

#ifndef RAP_ATTENTION_H
#define RAP_ATTENTION_H

#include "operations.h"
#include "simd.h"
#include "tile.h"

enum { POSITIONS = 96 };  // in a tile; a multiple of W and of the rows of multiply_tile

// No score comes near it, and differences to it are finite.
#define LOWEST (-1e30f)

// Consecutive tokens of one sequence.
struct span {
  int32_t first;
  int32_t tokens;
};

// Attention of some spans, as the context of a team's job.
struct attention_work {
  const struct attention* a;
  rap_team* team;
  int group_count;          // that run
  const int32_t* group_of;  // [group_count]
  const struct span* spans;
  int span_count;
  int splits;      // of the positions of a token
  float* partial;  // [span, group, split, query head]: sums [head_size], top, total
};

// Spans of one token each; work->partial has partial_elements for each span, group and split.
void VARIANT(attend_few)(const struct attention_work* work);
size_t VARIANT(attention_partial_elements)(const struct attention* a);

// Spans of up to TILE_LANES tokens; every member has attention_tile_elements floats of space.
void VARIANT(attend_many)(const struct attention_work* work);
size_t VARIANT(attention_tile_elements)(const struct attention* a);

INLINE vf half_vector(const uint16_t* p, int i, int size) {
  if (i + W <= size) return from_half(p + i);
  uint16_t all[W] = {0};
  memcpy(all, p + i, 2 * (size_t)(size - i));
  return from_half(all);
}

INLINE vf float_vector(const float* p, int i, int size) {
  return i + W <= size ? load(p + i) : load_part(p + i, size - i);
}

INLINE void store_vector(float* p, vf v, int i, int size) {
  if (i + W <= size) {
    store(p + i, v);
  } else {
    store_part(p + i, v, size - i);
  }
}

// Elements from a group's first slot to the slots of positions first ... first + count - 1.
INLINE void find_slots(const struct attention* a, int token, int first, int count, int64_t* at) {
  const int32_t* table = a->block_tables + a->sequence_of[token] * a->block_table_stride;
  int block = first / a->block_size;
  int inside = first % a->block_size;
  for (int p = 0; p < count; p++) {
    at[p] = ((int64_t)table[block] * a->block_size + inside) * a->head_size;
    if (++inside == a->block_size) {
      inside = 0;
      block++;
    }
  }
}

INLINE int first_seen(const struct attention* a, int position) {
  return position < a->window ? 0 : position - a->window + 1;
}

INLINE int absent(const struct attention* a, int token, int group) {
  return a->present[(int64_t)a->sequence_of[token] * a->kv_heads + group] == 0;
}

INLINE float* heads_of(const struct attention* a, int token, int group) {
  return a->y + token * a->stride + (int64_t)group * a->queries_per_group * a->head_size;
}

INLINE const float* queries_of(const struct attention* a, int token, int group) {
  return a->q + token * a->stride + (int64_t)group * a->queries_per_group * a->head_size;
}

INLINE void zero_heads(const struct attention* a, int token, int group) {
  size_t size = (size_t)a->queries_per_group * (size_t)a->head_size;
  memset(heads_of(a, token, group), 0, size * sizeof(float));
}

#endif
