// attention.c: causal attention over a paged KV cache.
//
// Math      y = sum over p of w[p] * value[p] / sum over p of w[p],
//           w[p] = exp(q . key[p] / sqrt(Dh) - top), top the largest exponent so far: when a tile of
//           positions raises it, what was summed before is scaled down.
// Source    Milakov & Gimelshein 2018, arXiv:1805.02867 (online softmax); Dao 2023, arXiv:2307.08691
//           (tiles of queries and positions).
// Layout    Many tokens of a sequence: queries are the lanes of vectors, so that neither top nor
//           total goes across lanes, and keys and values are unpacked once for all heads of a group.
//           Few: head elements are the lanes, keys and values are read as they are stored, and the
//           positions may be split among the team.

#include <math.h>
#include <stddef.h>

#include "operations.h"
#include "simd.h"
#include "tile.h"

enum { LANES = TILE_LANES };       // queries of one head in a tile
enum { POSITIONS = 96 };           // in a tile; a multiple of W and of the rows of multiply_tile
enum { FEW = 8 };                  // so many tokens of a sequence are cheaper one by one
enum { FEWEST_POSITIONS = 256 };   // worth a split

// No score comes near it, and differences to it are finite.
#define LOWEST (-1e30f)

// Consecutive tokens of one sequence.
struct span {
  int32_t first;
  int32_t tokens;
};

struct job_of_attention {
  const struct attention* a;
  rap_team* team;
  float scale;              // 1 / sqrt(Dh)
  int group_count;          // that run
  const int32_t* group_of;  // [group_count]
  const struct span* spans;
  int span_count;
  int splits;      // of the positions of a token
  float* partial;  // [token span, group, split, query head]: sums [head_size], top, total
};

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
static void find_slots(const struct attention* a, int token, int first, int count, int64_t* at) {
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

static int absent(const struct attention* a, int token, int group) {
  return a->present[(int64_t)a->sequence_of[token] * a->kv_heads + group] == 0;
}

static float* heads_of(const struct attention* a, int token, int group) {
  return a->y + token * a->stride + (int64_t)group * a->queries_per_group * a->head_size;
}

static const float* queries_of(const struct attention* a, int token, int group) {
  return a->q + token * a->stride + (int64_t)group * a->queries_per_group * a->head_size;
}

static void zero_heads(const struct attention* a, int token, int group) {
  size_t size = (size_t)a->queries_per_group * (size_t)a->head_size;
  memset(heads_of(a, token, group), 0, size * sizeof(float));
}

// ---- Few tokens

enum { STEP = 4 };                 // positions whose scores are computed together
enum { HEADS = W == 16 ? 4 : 2 };  // query heads, likewise

// scores[head, p] = q[head] . key[p], for all p < count and some more.
INLINE void few_scores(const int heads, int size, const float* q, const uint16_t* keys,
                       const int64_t* at, int count, float scores[][POSITIONS]) {
  for (int p = 0; p < count; p += STEP) {
    const uint16_t* rows[STEP];
    for (int i = 0; i < STEP; i++) rows[i] = keys + at[p + i < count ? p + i : count - 1];
    vf sums[HEADS][STEP];
#pragma GCC unroll 4
    for (int h = 0; h < heads; h++) {
#pragma GCC unroll 4
      for (int i = 0; i < STEP; i++) sums[h][i] = splat(0);
    }
    for (int d = 0; d < size; d += W) {
      vf k[STEP];
#pragma GCC unroll 4
      for (int i = 0; i < STEP; i++) k[i] = half_vector(rows[i], d, size);
#pragma GCC unroll 4
      for (int h = 0; h < heads; h++) {
        vf x = float_vector(q + h * size, d, size);
#pragma GCC unroll 4
        for (int i = 0; i < STEP; i++) sums[h][i] += x * k[i];
      }
    }
#pragma GCC unroll 4
    for (int h = 0; h < heads; h++) {
      _mm_storeu_ps(scores[h] + p, sums4(sums[h][0], sums[h][1], sums[h][2], sums[h][3]));
    }
  }
}

// Turns scores into weights, and returns what the sums so far are to be multiplied by.
static float weigh(float* scores, int count, float scale, float* top, float* total) {
  vf tops = splat(*top);
  for (int p = 0; p < count; p += W) {
    vf s = load(scores + p) * scale;
    store(scores + p, s);
    for (int i = count; i < p + W; i++) scores[i] = LOWEST;
    tops = larger(tops, load(scores + p));
  }
  float raised = largest(tops);
  float factor = exp_of(splat(*top - raised))[0];
  vf weights = splat(0);
  for (int p = 0; p < count; p += W) {
    vf w = exp_of(load(scores + p) - raised);
    store(scores + p, w);
    weights += w;
  }
  *total = *total * factor + sum(weights);
  *top = raised;
  return factor;
}

// out[head, d] = factor[head] * out[head, d] + sum over p of weights[head, p] * value[p, d],
// for `vectors` vectors from d on.
INLINE void few_values(const int heads, const int vectors, int d, int size, float* out,
                       int64_t out_step, const float* factors, const uint16_t* values,
                       const int64_t* at, int count, float weights[][POSITIONS]) {
  vf sums[HEADS][4];
#pragma GCC unroll 4
  for (int h = 0; h < heads; h++) {
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) {
      sums[h][i] = float_vector(out + h * out_step, d + i * W, size) * factors[h];
    }
  }
  for (int p = 0; p < count; p++) {
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) {
      vf v = half_vector(values + at[p], d + i * W, size);
#pragma GCC unroll 4
      for (int h = 0; h < heads; h++) sums[h][i] += v * weights[h][p];
    }
  }
#pragma GCC unroll 4
  for (int h = 0; h < heads; h++) {
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) {
      store_vector(out + h * out_step, sums[h][i], d + i * W, size);
    }
  }
}

// Positions first ... first + count - 1 for some heads of a group. out[head]: sums, top, total.
INLINE void few_heads(const int heads, const struct attention* a, float scale, const float* q,
                      int group, const int64_t* at, int count, float* out) {
  int size = a->head_size;
  int64_t step = size + 2;
  float scores[HEADS][POSITIONS];
  float factors[HEADS];
  int64_t start = group * a->group_stride;
  few_scores(heads, size, q, a->keys + start, at, count, scores);
  for (int h = 0; h < heads; h++) {
    float* top = out + h * step + size;
    factors[h] = weigh(scores[h], count, scale, top, top + 1);
  }
  const uint16_t* values = a->values + start;
  int d = 0;
  for (; d + 2 * W <= size; d += 2 * W) {
    few_values(heads, 2, d, size, out, step, factors, values, at, count, scores);
  }
  for (; d < size; d += W) {
    few_values(heads, 1, d, size, out, step, factors, values, at, count, scores);
  }
}

static void few_positions(const struct job_of_attention* job, int token, int group, int first,
                          int end, float* out) {
  const struct attention* a = job->a;
  int64_t step = a->head_size + 2;
  for (int h = 0; h < a->queries_per_group; h++) {
    float* top = out + h * step + a->head_size;
    memset(out + h * step, 0, (size_t)a->head_size * sizeof(float));
    top[0] = LOWEST;
    top[1] = 0;
  }
  const float* q = queries_of(a, token, group);
  for (; first < end; first += POSITIONS) {
    int64_t at[POSITIONS];
    int count = end - first < POSITIONS ? end - first : POSITIONS;
    find_slots(a, token, first, count, at);
    for (int h = 0; h < a->queries_per_group; h += HEADS) {
      const float* x = q + h * a->head_size;
      float* to = out + h * step;
      switch (a->queries_per_group - h) {
        case 1: few_heads(1, a, job->scale, x, group, at, count, to); break;
#if W == 16
        case 2: few_heads(2, a, job->scale, x, group, at, count, to); break;
        case 3: few_heads(3, a, job->scale, x, group, at, count, to); break;
#endif
        default: few_heads(HEADS, a, job->scale, x, group, at, count, to); break;
      }
    }
  }
}

static int64_t partial_size(const struct attention* a) {
  return (int64_t)a->queries_per_group * (a->head_size + 2);
}

// Item: a token, a group, a split.
static void few_item(void* context, int item, int member) {
  (void)member;
  const struct job_of_attention* job = context;
  const struct attention* a = job->a;
  int split = item % job->splits;
  int token = job->spans[item / job->splits / job->group_count].first;
  int group = job->group_of[item / job->splits % job->group_count];
  if (absent(a, token, group)) return;
  int64_t positions = a->positions[token] + 1;
  few_positions(job, token, group, (int)(positions * split / job->splits),
                (int)(positions * (split + 1) / job->splits),
                job->partial + item * partial_size(a));
}

// Puts the splits of one head together.
static void merge(const struct attention* a, float* y, const float* parts, int splits) {
  int size = a->head_size;
  float top = LOWEST;
  for (int s = 0; s < splits; s++) top = fmaxf(top, parts[s * partial_size(a) + size]);
  float total = 0;
  memset(y, 0, (size_t)size * sizeof(float));
  for (int s = 0; s < splits; s++) {
    const float* part = parts + s * partial_size(a);
    float factor = exp_of(splat(part[size] - top))[0];
    total += factor * part[size + 1];
    for (int d = 0; d < size; d++) y[d] += factor * part[d];
  }
  for (int d = 0; d < size; d++) y[d] /= total;
}

static void few_tokens(const struct job_of_attention* job) {
  const struct attention* a = job->a;
  team_run(job->team, few_item, (void*)job, job->span_count * job->group_count * job->splits);
  const float* parts = job->partial;
  for (int i = 0; i < job->span_count * job->group_count; i++) {
    int token = job->spans[i / job->group_count].first;
    int group = job->group_of[i % job->group_count];
    if (absent(a, token, group)) {
      zero_heads(a, token, group);
    } else {
      for (int h = 0; h < a->queries_per_group; h++) {
        merge(a, heads_of(a, token, group) + h * a->head_size, parts + h * (a->head_size + 2),
              job->splits);
      }
    }
    parts += job->splits * partial_size(a);
  }
}

// ---- Many tokens

// What a member keeps while it does one tile of queries for one group.
struct tile_space {
  float* queries;  // [query head, head_size, LANES]
  float* sums;     // like queries
  float* tops;     // [query head, LANES]
  float* totals;   // like tops
  float* keys;     // [head_size, POSITIONS]
  float* values;   // [POSITIONS, head_size]
  float* scores;   // [POSITIONS, LANES]
};

static size_t tile_space_elements(const struct attention* a) {
  size_t size = (size_t)a->head_size, heads = (size_t)a->queries_per_group;
  return heads * LANES * (2 * size + 2) + 2 * size * POSITIONS + POSITIONS * LANES + 64;
}

static struct tile_space tile_space_at(const struct attention* a, float* p) {
  size_t size = (size_t)a->head_size, heads = (size_t)a->queries_per_group;
  struct tile_space s;
  s.queries = p;
  s.sums = s.queries + heads * size * LANES;
  s.tops = s.sums + heads * size * LANES;
  s.totals = s.tops + heads * LANES;
  s.scores = s.totals + heads * LANES;
  s.keys = s.scores + POSITIONS * LANES;
  s.values = s.keys + size * POSITIONS;
  return s;
}

static void take_queries(const struct job_of_attention* job, struct span span, int group,
                         float* queries) {
  const struct attention* a = job->a;
  int size = a->head_size;
  for (int h = 0; h < a->queries_per_group; h++, queries += size * LANES) {
    for (int lane = 0; lane < LANES; lane += W) {
      for (int d = 0; d < size; d += W) {
        vf v[W];
        for (int i = 0; i < W; i++) {
          const float* q = queries_of(a, span.first + lane + i, group) + h * size;
          v[i] = lane + i < span.tokens ? float_vector(q, d, size) * job->scale : splat(0);
        }
        transpose(v);
        for (int i = 0; i < W && d + i < size; i++) store(queries + (d + i) * LANES + lane, v[i]);
      }
    }
  }
}

static void give_sums(const struct attention* a, struct span span, int group,
                      const struct tile_space* s) {
  int size = a->head_size;
  for (int h = 0; h < a->queries_per_group; h++) {
    for (int lane = 0; lane < LANES; lane += W) {
      vf inverse = 1.f / load(s->totals + h * LANES + lane);
      for (int d = 0; d < size; d += W) {
        vf v[W];
        for (int i = 0; i < W; i++) {
          const float* sums = s->sums + (h * size + d + i) * LANES + lane;
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
    for (int d = 0; d < size; d += W) store_vector(to, half_vector(values + at[p], d, size), d, size);
  }
}

// Hides from each query the positions after its own.
static void hide(float* scores, int first, int count, const int32_t* own) {
  for (int p = 0; p < count; p++) {
    for (int i = 0; i < LANES; i += W) {
      float* at = scores + p * LANES + i;
      vi hidden = splat_int(first + p) > *(const vi_anywhere*)(own + i);
      store(at, (vf)(((vi)load(at) & ~hidden) | ((vi)splat(LOWEST) & hidden)));
    }
  }
}

// Turns scores into weights, and scales what was summed before.
static void weigh_tile(float* scores, int count, float* tops, float* totals, float* sums,
                       int size) {
  for (int i = 0; i < LANES; i += W) {
    vf top = load(tops + i);
    vf raised = top;
    for (int p = 0; p < count; p++) raised = larger(raised, load(scores + p * LANES + i));
    vf factor = exp_of(top - raised);
    vf total = load(totals + i) * factor;
    for (int p = 0; p < count; p++) {
      vf w = exp_of(load(scores + p * LANES + i) - raised);
      store(scores + p * LANES + i, w);
      total += w;
    }
    for (int d = 0; d < size; d++) {
      store(sums + d * LANES + i, load(sums + d * LANES + i) * factor);
    }
    store(tops + i, raised);
    store(totals + i, total);
  }
}

enum { ROWS = W == 16 ? 12 : 6 };  // of multiply_tile

static void add_positions(const struct attention* a, int h, const struct tile_space* s, int first,
                          int count, const int32_t* own) {
  int size = a->head_size;
  const float* queries = s->queries + h * size * LANES;
  float* sums = s->sums + h * size * LANES;
  for (int p = 0; p < count; p += ROWS) {
    multiply_tile_of(count - p < ROWS ? count - p : ROWS, size, s->keys + p, POSITIONS, queries,
                     LANES, s->scores + p * LANES, LANES, 0);
  }
  if (first + count - 1 > own[0]) hide(s->scores, first, count, own);
  weigh_tile(s->scores, count, s->tops + h * LANES, s->totals + h * LANES, sums, size);
  for (int d = 0; d < size; d += ROWS) {
    multiply_tile_of(size - d < ROWS ? size - d : ROWS, count, s->values + d, size, s->scores,
                     LANES, sums + d * LANES, LANES, 1);
  }
}

// Item: a tile of tokens, a group.
static void many_item(void* context, int item, int member) {
  const struct job_of_attention* job = context;
  const struct attention* a = job->a;
  struct span span = job->spans[item / job->group_count];
  int group = job->group_of[item % job->group_count];
  if (absent(a, span.first, group)) {
    for (int t = 0; t < span.tokens; t++) zero_heads(a, span.first + t, group);
    return;
  }
  int size = a->head_size;
  struct tile_space s = tile_space_at(a, member_space(job->team, member));
  int lanes = a->queries_per_group * LANES;
  memset(s.sums, 0, (size_t)lanes * (size_t)size * sizeof(float));
  for (int i = 0; i < lanes; i += W) {
    store(s.tops + i, splat(LOWEST));
    store(s.totals + i, splat(0));
  }
  take_queries(job, span, group, s.queries);
  int32_t own[LANES];
  for (int i = 0; i < LANES; i++) {
    own[i] = a->positions[span.first + (i < span.tokens ? i : span.tokens - 1)];
  }
  int end = own[LANES - 1] + 1;
  for (int first = 0; first < end; first += POSITIONS) {
    int64_t at[POSITIONS];
    int count = end - first < POSITIONS ? end - first : POSITIONS;
    find_slots(a, span.first, first, count, at);
    take_keys(a->keys + group * a->group_stride, size, at, count, s.keys);
    take_values(a->values + group * a->group_stride, size, at, count, s.values);
    for (int h = 0; h < a->queries_per_group; h++) add_positions(a, h, &s, first, count, own);
  }
  give_sums(a, span, group, &s);
}

// ---- Both

// Cuts the step's tokens into spans: single tokens from the front of `spans`, tiles from its end
// down, so that the tiles that see most positions come first. Only counts if `spans` is NULL.
static void cut(const struct attention* a, struct span* spans, int* singles, int* tiles) {
  *singles = *tiles = 0;
  for (int first = 0, end; first < a->tokens; first = end) {
    for (end = first + 1; end < a->tokens; end++) {
      if (a->sequence_of[end] != a->sequence_of[first]) break;
    }
    int step = end - first <= FEW ? 1 : LANES;
    for (int t = first; t < end; t += step) {
      int at = step == 1 ? (*singles)++ : a->tokens - ++*tiles;
      if (spans != NULL) spans[at] = (struct span){t, end - t < step ? end - t : step};
    }
  }
}

static int splits_of(const struct attention* a, int items, int members) {
  int most = 0;
  for (int t = 0; t < a->tokens; t++) most = a->positions[t] > most ? a->positions[t] : most;
  int wanted = items == 0 || members == 1 ? 1 : (3 * members + items - 1) / items;
  int worth = most / FEWEST_POSITIONS + 1;
  return wanted < worth ? wanted : worth;
}

static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

int VARIANT(attention)(rap_team* team, const struct attention* a) {
  struct job_of_attention job = {.a = a, .team = team};
  for (int i = 0; i < a->groups.count; i++) {
    job.group_count += a->groups.bounds[2 * i + 1] - a->groups.bounds[2 * i];
  }
  if (job.group_count == 0 || a->tokens == 0) return RAP_OK;
  job.scale = 1 / sqrtf((float)a->head_size);
  int singles, tiles;
  cut(a, NULL, &singles, &tiles);
  job.splits = splits_of(a, singles * job.group_count, team_members(team));

  size_t groups_bytes = aligned((size_t)job.group_count * sizeof(int32_t));
  size_t spans_bytes = aligned((size_t)a->tokens * sizeof(struct span));
  size_t partial_bytes = (size_t)(singles * job.group_count * job.splits) *
                         (size_t)partial_size(a) * sizeof(float);
  size_t tile_bytes = tiles == 0 ? 0 : tile_space_elements(a) * sizeof(float);
  if (!team_reserve(team, groups_bytes + spans_bytes + partial_bytes, tile_bytes)) {
    return RAP_NO_MEMORY;
  }
  int32_t* group_of = team_space(team);
  struct span* spans = (struct span*)((char*)group_of + groups_bytes);
  job.partial = (float*)((char*)spans + spans_bytes);
  job.group_of = group_of;
  for (int i = 0; i < a->groups.count; i++) {
    for (int g = a->groups.bounds[2 * i]; g < a->groups.bounds[2 * i + 1]; g++) *group_of++ = g;
  }
  cut(a, spans, &singles, &tiles);
  if (tiles > 0) {
    job.spans = spans + a->tokens - tiles;
    job.span_count = tiles;
    team_run(team, many_item, &job, tiles * job.group_count);
  }
  if (singles > 0) {
    job.spans = spans;
    job.span_count = singles;
    few_tokens(&job);
  }
  return RAP_OK;
}
