// product.c: divides a product among the team; see product.h.

#include "product.h"

#include <stddef.h>

struct work {
  struct part part;
  const struct method* method;
  rap_team* team;
  float* y;          // of the part's first token
  int row_count;
  int splits;        // of the part's tiles
};

static const struct method* method_for(int dtype, int tokens) {
  int few = tokens <= FEW;
  (void)dtype;  // where all types go the same way
#if defined(__AVX512VNNI__)
  if (dtype == RAP_Q8_0 || dtype == RAP_Q4_0 || dtype == RAP_Q4_1) {
    return few ? &VARIANT(int8_few) : &VARIANT(int8_many);
  }
#endif
#if defined(__AVX512BF16__)
  if (dtype == RAP_BF16 && !few) return &VARIANT(bf16_many);
#endif
  return few ? &VARIANT(float_few) : &VARIANT(float_many);
}

static int count_groups(struct ranges columns) {
  int count = 0;
  for (int i = 0; i < columns.count; i++) {
    count += (columns.bounds[2 * i + 1] - columns.bounds[2 * i] + GROUP - 1) / GROUP;
  }
  return count;
}

static void list_groups(struct group* groups, int dtype, struct ranges columns) {
  for (int i = 0; i < columns.count; i++) {
    int end = columns.bounds[2 * i + 1];
    for (int column = columns.bounds[2 * i]; column < end; column += GROUP) {
      int left = end - column;
      *groups++ = (struct group){column_offset(dtype, column), column, left < GROUP ? left : GROUP};
    }
  }
}

static int total(struct ranges ranges) {
  int sum = 0;
  for (int i = 0; i < ranges.count; i++) sum += ranges.bounds[2 * i + 1] - ranges.bounds[2 * i];
  return sum;
}

// The rows that come first, first + 1, ... among those that take part.
static void find_panel(struct panel* panel, struct ranges rows, int first) {
  panel->count = 0;
  for (int i = 0; i < rows.count && panel->count < PANEL; i++) {
    int size = rows.bounds[2 * i + 1] - rows.bounds[2 * i];
    for (; first < size && panel->count < PANEL; first++) {
      panel->rows[panel->count++] = rows.bounds[2 * i] + first;
    }
    first -= size;
    if (first < 0) first = 0;
  }
}

static vf silu(vf x) { return x / (exp_of(-x) + 1.f); }

static void gate(float* out, const float* up, int tokens) {
  for (int i = 0; i < tokens * PANEL; i += W) store(out + i, silu(load(out + i)) * load(up + i));
}

static void write_rows(const struct product* p, float* y, const struct panel* panel,
                       const float* out, int tokens) {
  int whole = panel->count == PANEL && panel->rows[PANEL - 1] - panel->rows[0] == PANEL - 1;
  for (int t = 0; t < tokens; t++, y += p->y_stride, out += PANEL) {
    if (whole) {
      float* to = y + panel->rows[0];
      for (int i = 0; i < PANEL; i += W) {
        vf v = load(out + i);
        store(to + i, p->accumulate ? load(to + i) + v : v);
      }
    } else {
      for (int i = 0; i < panel->count; i++) {
        float* to = y + panel->rows[i];
        *to = p->accumulate ? *to + out[i] : out[i];
      }
    }
  }
}

static void pack(void* context, int item, int member) {
  (void)member;
  const struct work* work = context;
  work->method->pack(&work->part, item);
}

// Item: a panel, and one of the splits of its tokens.
static void multiply(void* context, int item, int member) {
  const struct work* work = context;
  const struct part* part = &work->part;
  const struct product* p = part->product;
  int tile = work->method->tile;
  int tiles = (part->tokens + tile - 1) / tile;
  int split = item % work->splits;
  int first_tile = tiles * split / work->splits;
  int first = first_tile * tile;
  int end = tiles * (split + 1) / work->splits * tile;
  int tokens = (end < part->tokens ? end : part->tokens) - first;

  struct panel panel;
  find_panel(&panel, p->rows, item / work->splits * PANEL);
  float* out = member_space(work->team, member);
  float* up = out + (size_t)MOST_TILES * TILE * PANEL;
  void* space = up + (size_t)MOST_TILES * TILE * PANEL;
  work->method->multiply(part, p->w, &panel, first_tile, tokens, out, space);
  if (p->up != NULL) {
    work->method->multiply(part, p->up, &panel, first_tile, tokens, up, space);
    gate(out, up, tokens);
  }
  write_rows(p, work->y + first * p->y_stride, &panel, out, tokens);
}

// Enough items that no member idles long, but each with enough tokens to be worth its panel.
static int splits_for(int tiles, int panels, int members) {
  if (members == 1 || panels >= 3 * members) return 1;
  int wanted = (3 * members + panels - 1) / panels;
  int most = tiles / 4;
  return most < 1 ? 1 : wanted < most ? wanted : most;
}

int VARIANT(matmul)(rap_team* team, const struct product* p) {
  struct work work = {.method = method_for(p->dtype, p->tokens), .team = team};
  const struct method* method = work.method;
  work.row_count = total(p->rows);
  if (work.row_count == 0 || p->tokens == 0) return RAP_OK;
  int tiles = (p->tokens + method->tile - 1) / method->tile;
  int parts = (tiles + MOST_TILES - 1) / MOST_TILES;
  int part_tiles = (tiles + parts - 1) / parts;

  int group_count = count_groups(p->columns);
  size_t group_space = ((size_t)group_count * sizeof(struct group) + 63) / 64 * 64;
  size_t out_space = 2 * sizeof(float) * MOST_TILES * TILE * PANEL;
  if (!team_reserve(team, group_space + (size_t)part_tiles * method->tile_bytes(group_count),
                    out_space + method->member_bytes(group_count))) {
    return RAP_NO_MEMORY;
  }
  struct group* groups = team_space(team);
  list_groups(groups, p->dtype, p->columns);

  for (int tile = 0; tile < tiles; tile += part_tiles) {
    int64_t first = (int64_t)tile * method->tile;
    int64_t end = first + (int64_t)part_tiles * method->tile;
    int tokens = (int)((end < p->tokens ? end : p->tokens) - first);
    int these = (tokens + method->tile - 1) / method->tile;
    work.part = (struct part){p,      groups, group_count, p->x + first * p->x_stride,
                              tokens, (char*)groups + group_space};
    work.y = p->y + first * p->y_stride;
    int panels = (work.row_count + PANEL - 1) / PANEL;
    work.splits = splits_for(these, panels, team_members(team));
    team_run(team, pack, &work, these);
    team_run(team, multiply, &work, panels * work.splits);
  }
  return RAP_OK;
}
