// product.h: how a matrix product is divided, and the ways to compute a part of it.
//
// The columns that take part are cut into groups of 32, the last of each range padded with zeros,
// and activations are packed to these groups first. The rows that take part are cut into panels of
// 32; the products of one panel with some tokens are the unit of work.

#ifndef RAP_PRODUCT_H
#define RAP_PRODUCT_H

#include "operations.h"
#include "rows.h"

enum { PANEL = 32 };                 // rows
enum { FEW = 4 };                    // at most so many tokens are multiplied row by row
enum { TILE = W == 16 ? 12 : 6 };    // tokens whose sums fill the registers, in the other ways
enum { MOST_TILES = 528 / TILE };    // tiles that are packed at a time

struct group {
  int64_t offset;    // bytes from the start of a weight row to the group's block
  int32_t column;    // in x
  int16_t in_block;  // which group of the block it is
  int16_t elements;  // at most GROUP
};

// One matrix's side of a product, for up to MOST_TILES tiles of tokens.
struct part {
  const struct product* product;
  const struct matrix* w;
  const struct group* groups;
  int group_count;
  const float* x;     // of the first token
  int tokens;
  void* activations;  // packed
};

// Rows of a panel, less than PANEL in the last.
struct panel {
  int64_t rows[PANEL];
  int count;
};

// A way to multiply. Those for few tokens have tiles of FEW, the others of TILE.
struct method {
  // Whether groups come as whole blocks: those of the block that take no part have no elements.
  int whole_blocks;
  // Bytes of the packed activations of one tile, and of what one member needs beside it.
  size_t (*tile_bytes)(int group_count);
  size_t (*member_bytes)(int group_count);
  void (*pack)(const struct part*, int tile);
  // out[t, r] = product of row r of the panel with token t of those from first_tile on,
  // [tokens, PANEL].
  void (*multiply)(const struct part*, const struct panel*, int first_tile, int tokens, float* out,
                   void* space);
};

extern const struct method VARIANT(float_few), VARIANT(float_many);
#if W >= 8
extern const struct method VARIANT(int8_few), VARIANT(int8_few_of_256), VARIANT(int8_many);
#endif
#if defined(__AVX512BF16__)
extern const struct method VARIANT(bf16_many);
#endif

// Row i of the panel. Past its end the last row is taken again: nothing past the weights is read.
INLINE const uint8_t* row_at(const struct part* part, const struct panel* panel, int i) {
  int last = panel->count - 1;
  return part->w->data + panel->rows[i < last ? i : last] * part->w->row_bytes;
}

// Groups first ... end - 1 of one row after the other. While one is read, the one that comes `ahead`
// groups and `rows_ahead` rows later is fetched into the cache.
struct stretch {
  int first;
  int end;
  int ahead;
  int rows_ahead;
};

// Bytes between what is fetched and what is read: of 256 to 12288 the best on Emerald Rapids. By
// itself the processor does not fetch past a page's end.
enum { FETCH_AHEAD = 6144 };

// The groups from `first` on whose packed activations, group_bytes each and l1_share in all, stay
// in L1 while the rows of a panel pass: a multiple of `unit` of them, but for the last.
INLINE struct stretch stretch_of(const struct part* part, int first, int unit, int group_bytes,
                                 int l1_share) {
  int count = part->group_count;
  int parts = (count * group_bytes + l1_share - 1) / l1_share;
  int end = parts <= 1 ? count : first + (count / unit + parts - 1) / parts * unit;
  if (end > count) end = count;
  int dtype = part->w->dtype;
  int ahead = FETCH_AHEAD / unit * block_elements(dtype) / block_bytes(dtype) / GROUP * unit;
  int groups = end - first;
  if (groups <= 0) return (struct stretch){first, end, 0, 0};
  return (struct stretch){first, end, ahead % groups / unit * unit, ahead / groups};
}

// Fetches the group of so many bytes that is read later, when group g of `row` is read now.
INLINE void fetch_ahead(const struct part* part, const uint8_t* row, struct stretch stretch,
                        int g, int bytes) {
  int64_t rows = stretch.rows_ahead;
  g += stretch.ahead;
  if (g >= stretch.end) {
    g -= stretch.end - stretch.first;
    rows++;
  }
  const uint8_t* p = row + rows * part->w->row_bytes + part->groups[g].offset;
  for (int i = 0; i < bytes; i += 64) _mm_prefetch((const char*)p + i, _MM_HINT_T1);
}

// to[i] = (add ? to[i] : 0) + the sum of vector i.
INLINE void add_four(float* to, vf a, vf b, vf c, vf d, int add) {
  __m128 four = sums4(a, b, c, d);
  _mm_storeu_ps(to, add ? _mm_add_ps(_mm_loadu_ps(to), four) : four);
}

// Brings groups of a panel's rows into the cache, row by row: the processor fetches ahead along one
// stream of addresses in a page, but not where many rows are read side by side.
INLINE void fetch_panel(const struct part* part, const struct panel* panel, int first_group,
                        int groups) {
  for (int r = 0; r < panel->count; r++) {
    const uint8_t* row = row_at(part, panel, r);
    for (int g = first_group; g < first_group + groups; g++) {
      (void)*(const volatile uint8_t*)(row + part->groups[g].offset);
    }
  }
}

#endif
