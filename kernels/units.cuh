// units.cuh: the rows of a matrix that a retention mask keeps, in tiles of 16.
#ifndef RAP_UNITS_CUH
#define RAP_UNITS_CUH

#include <stdint.h>

namespace rap {

constexpr int kTileRows = 16;

// A table of units as rap_cuda.h describes it. Retained tiles are numbered from 0, ascending.
struct Units {
  const int32_t *table;  // [1 + units], or NULL: all rows are retained
  int unit_tiles;

  // Of a matrix of so many rows. Only the last unit can be short, and the table is ascending.
  __device__ int tiles(int rows) const {
    const int all = (rows + kTileRows - 1) / kTileRows;
    if (table == nullptr) return all;
    const int count = table[0];
    if (count == 0) return 0;
    const int last = all - table[count] * unit_tiles;
    return (count - 1) * unit_tiles + (last < unit_tiles ? last : unit_tiles);
  }

  __device__ int first_row(int tile) const {
    if (table == nullptr) return tile * kTileRows;
    const int index = tile / unit_tiles;
    return (table[1 + index] * unit_tiles + tile - index * unit_tiles) * kTileRows;
  }
};

}  // namespace rap

#endif
