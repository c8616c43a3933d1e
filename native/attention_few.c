// attention_few.c: attention of single tokens. Head elements are the lanes, keys and values are
// read as they are stored, and the positions of a token may be split among the team. See
// attention.c.

#include <math.h>

#include "attention.h"

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
static float weigh(float* scores, int count, const struct attention* a, float* top, float* total) {
  float scale = a->scale;
  if (a->soft_cap != 0) {
    for (int p = 0; p < count; p += W) {
      store(scores + p, soft_cap_of(load(scores + p) * scale, a->soft_cap));
    }
    scale = 1;
  }
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
INLINE void few_heads(const int heads, const struct attention* a, const float* q, int group,
                      const int64_t* at, int count, float* out) {
  int size = a->head_size;
  int64_t step = size + 2;
  float scores[HEADS][POSITIONS];
  float factors[HEADS];
  int64_t start = group * a->group_stride;
  few_scores(heads, size, q, a->keys + start, at, count, scores);
  for (int h = 0; h < heads; h++) {
    float* top = out + h * step + size;
    factors[h] = weigh(scores[h], count, a, top, top + 1);
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

static void few_positions(const struct attention_work* work, int token, int group, int first,
                          int end, float* out) {
  const struct attention* a = work->a;
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
        case 1: few_heads(1, a, x, group, at, count, to); break;
#if W == 16
        case 2: few_heads(2, a, x, group, at, count, to); break;
        case 3: few_heads(3, a, x, group, at, count, to); break;
#endif
        default: few_heads(HEADS, a, x, group, at, count, to); break;
      }
    }
  }
}

static int64_t partial_elements(const struct attention* a) {
  return (int64_t)a->queries_per_group * (a->head_size + 2);
}

size_t VARIANT(attention_partial_elements)(const struct attention* a) {
  return (size_t)partial_elements(a);
}

// Item: a token, a group, a split.
static void few_item(void* context, int item, int member) {
  (void)member;
  const struct attention_work* work = context;
  const struct attention* a = work->a;
  int split = item % work->splits;
  int token = work->spans[item / work->splits / work->group_count].first;
  int group = work->group_of[item / work->splits % work->group_count];
  if (absent(a, token, group)) return;
  int first = first_seen(a, a->positions[token]);
  int64_t count = a->positions[token] + 1 - first;
  few_positions(work, token, group, first + (int)(count * split / work->splits),
                first + (int)(count * (split + 1) / work->splits),
                work->partial + item * partial_elements(a));
}

// Puts the splits of one head together.
static void merge(const struct attention* a, float* y, const float* parts, int splits) {
  int size = a->head_size;
  int64_t part_step = partial_elements(a);
  float top = LOWEST;
  for (int s = 0; s < splits; s++) top = fmaxf(top, parts[s * part_step + size]);
  float total = 0;
  memset(y, 0, (size_t)size * sizeof(float));
  for (int s = 0; s < splits; s++) {
    const float* part = parts + s * part_step;
    float factor = exp_of(splat(part[size] - top))[0];
    total += factor * part[size + 1];
    for (int d = 0; d < size; d++) y[d] += factor * part[d];
  }
  for (int d = 0; d < size; d++) y[d] /= total;
}

void VARIANT(attend_few)(const struct attention_work* work) {
  const struct attention* a = work->a;
  team_run(work->team, few_item, (void*)work, work->span_count * work->group_count * work->splits);
  const float* parts = work->partial;
  for (int i = 0; i < work->span_count * work->group_count; i++) {
    int token = work->spans[i / work->group_count].first;
    int group = work->group_of[i % work->group_count];
    if (absent(a, token, group)) {
      zero_heads(a, token, group);
    } else {
      for (int h = 0; h < a->queries_per_group; h++) {
        merge(a, heads_of(a, token, group) + h * a->head_size, parts + h * (a->head_size + 2),
              work->splits);
      }
    }
    parts += work->splits * partial_elements(a);
  }
}
