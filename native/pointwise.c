// pointwise.c: operations on each element by itself, in place.

#include "operations.h"
#include "simd.h"

enum { PIECE = 8192 };  // elements of one item

struct job {
  float* x;
  int64_t elements;
  float number;  // the factor, or the cap
  float addend;
  int rounds;
};

static int64_t end_of(const struct job* job, int64_t first) {
  return first + PIECE < job->elements ? first + PIECE : job->elements;
}

static int items_of(const struct job* job) { return (int)((job->elements + PIECE - 1) / PIECE); }

static void scale_item(void* context, int item, int member) {
  (void)member;
  const struct job* job = context;
  int64_t i = (int64_t)item * PIECE, end = end_of(job, i);
  for (; i + W <= end; i += W) store(job->x + i, load(job->x + i) * job->number);
  for (; i < end; i++) job->x[i] *= job->number;
}

void VARIANT(scale)(rap_team* team, float* x, int rows, int64_t columns, float factor) {
  struct job job = {.x = x, .elements = rows * columns, .number = factor};
  team_run(team, scale_item, &job, items_of(&job));
}

static void soft_cap_item(void* context, int item, int member) {
  (void)member;
  const struct job* job = context;
  int64_t i = (int64_t)item * PIECE, end = end_of(job, i);
  for (; i + W <= end; i += W) store(job->x + i, soft_cap_of(load(job->x + i), job->number));
  if (i < end) {
    int left = (int)(end - i);
    store_part(job->x + i, soft_cap_of(load_part(job->x + i, left), job->number), left);
  }
}

void VARIANT(soft_cap)(rap_team* team, float* x, int rows, int64_t columns, float cap) {
  struct job job = {.x = x, .elements = rows * columns, .number = cap};
  team_run(team, soft_cap_item, &job, items_of(&job));
}

// Vectors that are multiplied side by side: what latency times throughput of a multiply-add asks
// for on processors of today, and registers hold.
enum { CHAINS = W == 16 ? 16 : 8 };

static void multiply_adds_item(void* context, int item, int member) {
  (void)member;
  const struct job* job = context;
  vf factor = splat(job->number), addend = splat(job->addend);
  int64_t i = (int64_t)item * PIECE, end = end_of(job, i);
  for (; i + CHAINS * W <= end; i += CHAINS * W) {
    vf v[CHAINS];
#pragma GCC unroll 16
    for (int c = 0; c < CHAINS; c++) v[c] = load(job->x + i + c * W);
    for (int r = 0; r < job->rounds; r++) {
#pragma GCC unroll 16
      for (int c = 0; c < CHAINS; c++) v[c] = v[c] * factor + addend;
    }
#pragma GCC unroll 16
    for (int c = 0; c < CHAINS; c++) store(job->x + i + c * W, v[c]);
  }
  for (; i < end; i++) {
    for (int r = 0; r < job->rounds; r++) job->x[i] = job->x[i] * job->number + job->addend;
  }
}

void VARIANT(multiply_adds)(rap_team* team, float* x, int elements, float factor, float addend,
                            int rounds) {
  struct job job = {x, elements, factor, addend, rounds};
  team_run(team, multiply_adds_item, &job, items_of(&job));
}
