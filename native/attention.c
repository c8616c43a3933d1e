// attention.c: causal attention over a paged KV cache.
//
// Math      y = sum over p of w[p] * value[p] / sum over p of w[p],
//           w[p] = exp(score(q . key[p]) - top), top the largest score so far: when a tile of
//           positions raises it, what was summed before is scaled down.
// Source    Milakov & Gimelshein 2018, arXiv:1805.02867 (online softmax);
//           Dao 2023, arXiv:2307.08691 (tiles of queries and positions).
// Pair      attention_few.c and attention_many.c: the two ways to do it.

#include "attention.h"

#include <stddef.h>

enum { FEW = 8 };                 // so many tokens of a sequence are cheaper one by one
enum { FEWEST_POSITIONS = 256 };  // worth a split

// Cuts the step's tokens into spans: single tokens from the front of `spans`, tiles from its end
// down, so that the tiles that see most positions come first. Only counts if `spans` is NULL.
static void cut(const struct attention* a, struct span* spans, int* singles, int* tiles) {
  *singles = *tiles = 0;
  for (int first = 0, end; first < a->tokens; first = end) {
    for (end = first + 1; end < a->tokens; end++) {
      if (a->sequence_of[end] != a->sequence_of[first]) break;
    }
    int step = end - first <= FEW ? 1 : TILE_LANES;
    for (int t = first; t < end; t += step) {
      int at = step == 1 ? (*singles)++ : a->tokens - ++*tiles;
      if (spans != NULL) spans[at] = (struct span){t, end - t < step ? end - t : step};
    }
  }
}

static int splits_of(const struct attention* a, int items, int members) {
  int most = 0;
  for (int t = 0; t < a->tokens; t++) most = a->positions[t] > most ? a->positions[t] : most;
  if (most >= a->window) most = a->window - 1;
  int wanted = items == 0 || members == 1 ? 1 : (3 * members + items - 1) / items;
  int worth = most / FEWEST_POSITIONS + 1;
  return wanted < worth ? wanted : worth;
}

static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

int VARIANT(attention)(rap_team* team, const struct attention* a) {
  struct attention_work work = {.a = a, .team = team};
  for (int i = 0; i < a->groups.count; i++) {
    work.group_count += a->groups.bounds[2 * i + 1] - a->groups.bounds[2 * i];
  }
  if (work.group_count == 0 || a->tokens == 0) return RAP_OK;
  int singles, tiles;
  cut(a, NULL, &singles, &tiles);
  work.splits = splits_of(a, singles * work.group_count, team_members(team));

  size_t groups_bytes = aligned((size_t)work.group_count * sizeof(int32_t));
  size_t spans_bytes = aligned((size_t)a->tokens * sizeof(struct span));
  size_t partial_bytes = (size_t)(singles * work.group_count * work.splits) *
                         VARIANT(attention_partial_elements)(a) * sizeof(float);
  size_t tile_bytes = tiles == 0 ? 0 : VARIANT(attention_tile_elements)(a) * sizeof(float);
  if (!team_reserve(team, groups_bytes + spans_bytes + partial_bytes, tile_bytes)) {
    return RAP_NO_MEMORY;
  }
  int32_t* group_of = team_space(team);
  struct span* spans = (struct span*)((char*)group_of + groups_bytes);
  work.partial = (float*)((char*)spans + spans_bytes);
  work.group_of = group_of;
  for (int i = 0; i < a->groups.count; i++) {
    for (int g = a->groups.bounds[2 * i]; g < a->groups.bounds[2 * i + 1]; g++) *group_of++ = g;
  }
  cut(a, spans, &singles, &tiles);
  if (tiles > 0) {
    work.spans = spans + a->tokens - tiles;
    work.span_count = tiles;
    VARIANT(attend_many)(&work);
  }
  if (singles > 0) {
    work.spans = spans;
    work.span_count = singles;
    VARIANT(attend_few)(&work);
  }
  return RAP_OK;
}
