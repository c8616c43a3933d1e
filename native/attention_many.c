// attention_many.c: attention of tiles of tokens. Queries are the lanes of vectors, so that neither
// top nor total goes across lanes, and keys and values are unpacked once for all heads of a group.
// See attention.c.

#include "attention.h"

// What a member keeps while it does one tile of queries for one group.
struct tile_space {
  float* queries;  // [query head, head_size, TILE_LANES]
  float* sums;     // like queries
  float* tops;     // [query head, TILE_LANES]
  float* totals;   // like tops
  float* keys;     // [head_size, POSITIONS]
  float* values;   // [POSITIONS, head_size]
  float* scores;   // [POSITIONS, TILE_LANES]
};

size_t VARIANT(attention_tile_elements)(const struct attention* a) {
  size_t size = (size_t)a->head_size, heads = (size_t)a->queries_per_group;
  return heads * TILE_LANES * (2 * size + 2) + 2 * size * POSITIONS + POSITIONS * TILE_LANES + 64;
}

static struct tile_space tile_space_at(const struct attention* a, float* p) {
  size_t size = (size_t)a->head_size, heads = (size_t)a->queries_per_group;
  struct tile_space s;
  s.queries = p;
  s.sums = s.queries + heads * size * TILE_LANES;
  s.tops = s.sums + heads * size * TILE_LANES;
  s.totals = s.tops + heads * TILE_LANES;
  s.scores = s.totals + heads * TILE_LANES;
  s.keys = s.scores + POSITIONS * TILE_LANES;
  s.values = s.keys + size * POSITIONS;
  return s;
}

static void take_queries(const struct attention_work* work, struct span span, int group,
                         float* queries) {
  const struct attention* a = work->a;
  int size = a->head_size;
  for (int h = 0; h < a->queries_per_group; h++, queries += size * TILE_LANES) {
    for (int lane = 0; lane < TILE_LANES; lane += W) {
      for (int d = 0; d < size; d += W) {
        vf v[W];
        for (int i = 0; i < W; i++) {
          const float* q = queries_of(a, span.first + lane + i, group) + h * size;
          v[i] = lane + i < span.tokens ? float_vector(q, d, size) * a->scale : splat(0);
        }
        transpose(v);
        for (int i = 0; i < W && d + i < size; i++) {
          store(queries + (d + i) * TILE_LANES + lane, v[i]);
        }
      }
    }
  }
}

static void give_sums(const struct attention* a, struct span span, int group,
                      const struct tile_space* s) {
  int size = a->head_size;
  for (int h = 0; h < a->queries_per_group; h++) {
    for (int lane = 0; lane < TILE_LANES; lane += W) {
      vf inverse = 1.f / load(s->totals + h * TILE_LANES + lane);
      for (int d = 0; d < size; d += W) {
        vf v[W];
        for (int i = 0; i < W; i++) {
          const float* sums = s->sums + (h * size + d + i) * TILE_LANES + lane;
          v[i] = d + i < size ? load(sums) * inverse : splat(0);
        }
        transpose(v);
        for (int i = 0; i < W && lane + i < span.tokens; i++) {
          store_vector(heads_of(a, span.first + lane + i, group) + h * size, v[i], d, size);
        }
      }
    }
  }
}

static void take_keys(const uint16_t* keys, int size, const int64_t* at, int count, float* to) {
  for (int p = 0; p < count; p += W) {
    for (int d = 0; d < size; d += W) {
      vf v[W];
#pragma GCC unroll 16
      for (int i = 0; i < W; i++) v[i] = half_vector(keys + at[p + i < count ? p + i : p], d, size);
      transpose(v);
      for (int i = 0; i < W && d + i < size; i++) store(to + (d + i) * POSITIONS + p, v[i]);
    }
  }
}

static void take_values(const uint16_t* values, int size, const int64_t* at, int count, float* to) {
  for (int p = 0; p < count; p++, to += size) {
    for (int d = 0; d < size; d += W) {
      store_vector(to, half_vector(values + at[p], d, size), d, size);
    }
  }
}

static void cap_scores(float* scores, int count, float cap) {
  for (int i = 0; i < count * TILE_LANES; i += W) {
    store(scores + i, soft_cap_of(load(scores + i), cap));
  }
}

// Hides from each query the positions after its own, and those that its window has left.
static void hide(float* scores, int first, int count, const int32_t* own, int window) {
  for (int p = 0; p < count; p++) {
    for (int i = 0; i < TILE_LANES; i += W) {
      float* at = scores + p * TILE_LANES + i;
      vi last = *(const vi_anywhere*)(own + i);
      vi hidden = (splat_int(first + p) > last) | (splat_int(first + p) <= last - window);
      store(at, (vf)(((vi)load(at) & ~hidden) | ((vi)splat(LOWEST) & hidden)));
    }
  }
}

// Turns scores into weights, and scales what was summed before.
static void weigh_tile(float* scores, int count, float* tops, float* totals, float* sums,
                       int size) {
  for (int i = 0; i < TILE_LANES; i += W) {
    vf top = load(tops + i);
    vf raised = top;
    for (int p = 0; p < count; p++) raised = larger(raised, load(scores + p * TILE_LANES + i));
    vf factor = exp_of(top - raised);
    vf total = load(totals + i) * factor;
    for (int p = 0; p < count; p++) {
      vf w = exp_of(load(scores + p * TILE_LANES + i) - raised);
      store(scores + p * TILE_LANES + i, w);
      total += w;
    }
    for (int d = 0; d < size; d++) {
      store(sums + d * TILE_LANES + i, load(sums + d * TILE_LANES + i) * factor);
    }
    store(tops + i, raised);
    store(totals + i, total);
  }
}

enum { ROWS = W == 16 ? 12 : 6 };  // of multiply_tile

static void add_positions(const struct attention* a, int h, const struct tile_space* s, int first,
                          int count, const int32_t* own) {
  int size = a->head_size;
  const float* queries = s->queries + h * size * TILE_LANES;
  float* sums = s->sums + h * size * TILE_LANES;
  for (int p = 0; p < count; p += ROWS) {
    multiply_tile_of(count - p < ROWS ? count - p : ROWS, size, s->keys + p, POSITIONS, queries,
                     TILE_LANES, s->scores + p * TILE_LANES, TILE_LANES, 0);
  }
  if (a->soft_cap != 0) cap_scores(s->scores, count, a->soft_cap);
  if (first + count - 1 > own[0] || first < first_seen(a, own[TILE_LANES - 1])) {
    hide(s->scores, first, count, own, a->window);
  }
  weigh_tile(s->scores, count, s->tops + h * TILE_LANES, s->totals + h * TILE_LANES, sums, size);
  for (int d = 0; d < size; d += ROWS) {
    multiply_tile_of(size - d < ROWS ? size - d : ROWS, count, s->values + d, size, s->scores,
                     TILE_LANES, sums + d * TILE_LANES, TILE_LANES, 1);
  }
}

// Item: a tile of tokens, a group.
static void many_item(void* context, int item, int member) {
  const struct attention_work* work = context;
  const struct attention* a = work->a;
  struct span span = work->spans[item / work->group_count];
  int group = work->group_of[item % work->group_count];
  if (absent(a, span.first, group)) {
    for (int t = 0; t < span.tokens; t++) zero_heads(a, span.first + t, group);
    return;
  }
  int size = a->head_size;
  struct tile_space s = tile_space_at(a, member_space(work->team, member));
  int lanes = a->queries_per_group * TILE_LANES;
  memset(s.sums, 0, (size_t)lanes * (size_t)size * sizeof(float));
  for (int i = 0; i < lanes; i += W) {
    store(s.tops + i, splat(LOWEST));
    store(s.totals + i, splat(0));
  }
  take_queries(work, span, group, s.queries);
  int32_t own[TILE_LANES];
  for (int i = 0; i < TILE_LANES; i++) {
    own[i] = a->positions[span.first + (i < span.tokens ? i : span.tokens - 1)];
  }
  int end = own[TILE_LANES - 1] + 1;
  // The queries' windows begin less than a tile of positions apart: none has all of a tile hidden
  // before it has seen a position.
  for (int first = first_seen(a, own[0]); first < end; first += POSITIONS) {
    int64_t at[POSITIONS];
    int count = end - first < POSITIONS ? end - first : POSITIONS;
    find_slots(a, span.first, first, count, at);
    take_keys(a->keys + group * a->group_stride, size, at, count, s.keys);
    take_values(a->values + group * a->group_stride, size, at, count, s.values);
    for (int h = 0; h < a->queries_per_group; h++) add_positions(a, h, &s, first, count, own);
  }
  give_sums(a, span, group, &s);
}

void VARIANT(attend_many)(const struct attention_work* work) {
  team_run(work->team, many_item, (void*)work, work->span_count * work->group_count);
}
