// few.h: what the products of a few tokens share. Included after few_row, which says how one row
// meets the activations of up to FEW tokens:
//
//   INLINE void few_row(const int dtype, const int tokens, const struct part* part,
//                       const uint8_t* row, struct stretch stretch, vf sums[FEW]);

// Rows are taken one after the other, not side by side: the processor fetches ahead along one
// stream of addresses in a page, and stops doing so where there are several.
INLINE void few_tokens(const int dtype, const int tokens, const struct part* part,
                       const struct panel* panel, struct stretch stretch, float* out) {
  for (int first = 0; first < panel->count; first += 4) {
    vf sums[4][FEW];
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
      few_row(dtype, tokens, part, row_at(part, panel, first + r), stretch, sums[r]);
    }
#pragma GCC unroll 4
    for (int t = 0; t < tokens; t++) {
      add_four(out + t * PANEL + first, sums[0][t], sums[1][t], sums[2][t], sums[3][t],
               stretch.first > 0);
    }
  }
}

// The cases of one type in few_stretch, by dtype * 8 + tokens, so that both are constants inside.
#define FEW_CASES(dtype)                                                      \
  case dtype * 8 + 1: few_tokens(dtype, 1, part, panel, stretch, out); break; \
  case dtype * 8 + 2: few_tokens(dtype, 2, part, panel, stretch, out); break; \
  case dtype * 8 + 3: few_tokens(dtype, 3, part, panel, stretch, out); break; \
  case dtype * 8 + 4: few_tokens(dtype, 4, part, panel, stretch, out); break;
