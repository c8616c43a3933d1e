// product.c: divides a product among the team; see product.h.

#include "product.h"

#include <stddef.h>

// Floats of one member's results for a panel.
enum { OUT_ELEMENTS = MOST_TILES * TILE * PANEL };

struct work {
  struct part parts[2];  // the second for a gated product
  const struct method* methods[2];
  int packed[2];         // which part's packed activations each part uses
  rap_team* team;
  float* y;              // of the first token
  int tile;
  int splits;            // of the tiles
};

static const struct method* method_for(int dtype, int tokens) {
  int few = tokens <= FEW;
  (void)dtype;  // where all types go the same way
#if W >= 8
  if (block_elements(dtype) == 256 && few) return &VARIANT(int8_few_of_256);
  if (block_elements(dtype) > 1) return few ? &VARIANT(int8_few) : &VARIANT(int8_many);
#endif
#if defined(__AVX512BF16__)
  if (dtype == RAP_BF16 && !few) return &VARIANT(bf16_many);
#endif
  return few ? &VARIANT(float_few) : &VARIANT(float_many);
}

// Lists the groups of some columns, unless `groups` is NULL, and says how many there are.
static int list_groups(struct group* groups, int dtype, int whole_blocks, struct ranges columns) {
  int count = 0;
  int64_t block = -1;  // the last that was listed as a whole
  for (int i = 0; i < columns.count; i++) {
    int end = columns.bounds[2 * i + 1];
    for (int column = columns.bounds[2 * i]; column < end; column += GROUP) {
      int64_t offset = column_offset(dtype, column);
      int in_block = group_in_block(dtype, column);
      if (whole_blocks && offset != block) {
        block = offset;
        int groups_in_block = block_elements(dtype) / GROUP;
        for (int g = 0; groups != NULL && g < groups_in_block; g++) {
          int first = column + (g - in_block) * GROUP;
          groups[count + g] = (struct group){offset, first, (int16_t)g, 0};
        }
        count += groups_in_block;
      }
      int left = end - column < GROUP ? end - column : GROUP;
      if (groups != NULL) {
        int at = whole_blocks ? count - block_elements(dtype) / GROUP + in_block : count;
        groups[at] = (struct group){offset, column, (int16_t)in_block, (int16_t)left};
      }
      count += !whole_blocks;
    }
  }
  return count;
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

static void add_bias(float* out, const float* bias, const struct panel* panel, int tokens) {
  float row[PANEL] = {0};
  for (int r = 0; r < panel->count; r++) row[r] = bias[panel->rows[r]];
  for (int t = 0; t < tokens; t++, out += PANEL) {
    for (int i = 0; i < PANEL; i += W) store(out + i, load(out + i) + load(row + i));
  }
}

static vf silu(vf x) { return x / (exp_of(-x) + 1.f); }

// By tanh(u) = 1 - 2 / (exp(2 u) + 1), u the odd polynomial in x.
static vf gelu_tanh(vf x) {
  return x / (exp_of((x * x * 0.044715f + 1.f) * x * -1.59576912f) + 1.f);
}

static void gate(float* out, const float* up, int tokens, int activation) {
  int count = tokens * PANEL;
  if (activation == RAP_GELU_TANH) {
    for (int i = 0; i < count; i += W) store(out + i, gelu_tanh(load(out + i)) * load(up + i));
  } else {
    for (int i = 0; i < count; i += W) store(out + i, silu(load(out + i)) * load(up + i));
  }
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

// Item: a tile, for each part that does not use the other's.
static void pack(void* context, int item, int member) {
  (void)member;
  const struct work* work = context;
  work->methods[0]->pack(&work->parts[0], item);
  if (work->packed[1] == 1) work->methods[1]->pack(&work->parts[1], item);
}

// Item: a panel, and one of the splits of the tokens.
static void multiply(void* context, int item, int member) {
  const struct work* work = context;
  const struct product* p = work->parts[0].product;
  int all = work->parts[0].tokens;
  int tiles = (all + work->tile - 1) / work->tile;
  int split = item % work->splits;
  int first_tile = tiles * split / work->splits;
  int first = first_tile * work->tile;
  int end = tiles * (split + 1) / work->splits * work->tile;
  int tokens = (end < all ? end : all) - first;

  struct panel panel;
  find_panel(&panel, p->rows, item / work->splits * PANEL);
  float* out[2];
  out[0] = member_space(work->team, member);
  out[1] = out[0] + OUT_ELEMENTS;
  void* space = out[1] + OUT_ELEMENTS;
  for (int i = 0; i < p->matrices; i++) {
    work->methods[i]->multiply(&work->parts[i], &panel, first_tile, tokens, out[i], space);
    if (p->w[i].bias != NULL) add_bias(out[i], p->w[i].bias, &panel, tokens);
  }
  if (p->matrices == 2) gate(out[0], out[1], tokens, p->activation);
  write_rows(p, work->y + first * p->y_stride, &panel, out[0], tokens);
}

// Enough items that no member idles long, but each with enough tokens to be worth its panel.
static int splits_for(int tiles, int panels, int members) {
  if (members == 1 || panels >= 3 * members) return 1;
  int wanted = (3 * members + panels - 1) / panels;
  int most = tiles / 4;
  return most < 1 ? 1 : wanted < most ? wanted : most;
}

static size_t larger_size(size_t a, size_t b) { return a > b ? a : b; }

// Reserves space for tiles and groups, and points the parts to it. 0 if there is no memory.
static int place(struct work* work, const struct product* p, int tiles) {
  size_t shared = 0, each = 0;
  size_t at[2][2];  // of groups and activations, for each part
  int counts[2];
  for (int i = 0; i < p->matrices; i++) {
    const struct method* method = work->methods[i] = method_for(p->w[i].dtype, p->tokens);
    counts[i] = list_groups(NULL, p->w[i].dtype, method->whole_blocks, p->columns);
    each = larger_size(each, method->member_bytes(counts[i]));
    work->packed[i] = i == 1 && p->w[0].dtype == p->w[1].dtype ? 0 : i;
    if (work->packed[i] != i) continue;
    at[i][0] = shared;
    at[i][1] = shared + ((size_t)counts[i] * sizeof(struct group) + 63) / 64 * 64;
    shared = at[i][1] + (size_t)tiles * method->tile_bytes(counts[i]);
  }
  if (!team_reserve(work->team, shared, each + 2 * OUT_ELEMENTS * sizeof(float))) return 0;
  char* space = team_space(work->team);
  for (int i = 0; i < p->matrices; i++) {
    struct group* groups = (struct group*)(space + at[work->packed[i]][0]);
    if (work->packed[i] == i) {
      list_groups(groups, p->w[i].dtype, work->methods[i]->whole_blocks, p->columns);
    }
    work->parts[i] = (struct part){.product = p,
                                   .w = &p->w[i],
                                   .groups = groups,
                                   .group_count = counts[i],
                                   .activations = space + at[work->packed[i]][1]};
  }
  return 1;
}

int VARIANT(matmul)(rap_team* team, const struct product* p) {
  struct work work = {.team = team, .tile = p->tokens <= FEW ? FEW : TILE};
  int row_count = total(p->rows);
  if (row_count == 0 || p->tokens == 0) return RAP_OK;
  int tiles = (p->tokens + work.tile - 1) / work.tile;
  int rounds = (tiles + MOST_TILES - 1) / MOST_TILES;
  int round_tiles = (tiles + rounds - 1) / rounds;
  if (!place(&work, p, round_tiles)) return RAP_NO_MEMORY;

  int panels = (row_count + PANEL - 1) / PANEL;
  for (int tile = 0; tile < tiles; tile += round_tiles) {
    int64_t first = (int64_t)tile * work.tile;
    int64_t end = first + (int64_t)round_tiles * work.tile;
    int tokens = (int)((end < p->tokens ? end : p->tokens) - first);
    int these = (tokens + work.tile - 1) / work.tile;
    for (int i = 0; i < p->matrices; i++) {
      work.parts[i].x = p->x + first * p->x_stride;
      work.parts[i].tokens = tokens;
    }
    work.y = p->y + first * p->y_stride;
    work.splits = splits_for(these, panels, team_members(team));
    team_run(team, pack, &work, these);
    team_run(team, multiply, &work, panels * work.splits);
  }
  return RAP_OK;
}
