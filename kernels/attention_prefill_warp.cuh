// attention_prefill_warp.cuh: what one warp of attention_many.cu does: some tokens of a head over
// tiles of keys and values in shared memory.
#ifndef RAP_ATTENTION_PREFILL_WARP_CUH
#define RAP_ATTENTION_PREFILL_WARP_CUH

#include "attention_prefill_tile.cuh"

namespace attention {

// Four 8 x 8 fragments, whose rows lanes 0 .. 7, 8 .. 15, 16 .. 23 and 24 .. 31 point to.
__device__ inline void load_fragments(uint32_t (&f)[4], uint32_t at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f[0]), "=r"(f[1]), "=r"(f[2]), "=r"(f[3])
               : "r"(at)
               : "memory");
}

__device__ inline void load_fragments_transposed(uint32_t (&f)[4], uint32_t at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f[0]), "=r"(f[1]), "=r"(f[2]), "=r"(f[3])
               : "r"(at)
               : "memory");
}

// The work of one warp: tokens of a head.
template <typename Shape>
struct PrefillWarp {
  using Element = typename Shape::Element;
  using Memory = typename Shape::Memory;
  static constexpr int kOperands = Shape::kOperands;
  static constexpr int kStride = Shape::kStride;
  static constexpr int kScoreTiles = Shape::kPositions / 8;
  static constexpr int kSumTiles = Shape::kHeadSize / 8;
  using Scores = float[kOperands][kScoreTiles][4];

  float sums[kOperands][kSumTiles][4];
  float tops[kOperands][2];    // of rows r and r + 8
  float totals[kOperands][2];  // of this lane's columns

  __device__ PrefillWarp() {
    for (int m = 0; m < kOperands; m++) {
      for (int i = 0; i < kSumTiles; i++) {
        for (int c = 0; c < 4; c++) sums[m][i][c] = 0.f;
      }
      for (int h = 0; h < 2; h++) {
        tops[m][h] = -INFINITY;
        totals[m][h] = 0.f;
      }
    }
  }

  // Where this lane points ldmatrix to, for fragments in the order of operand A: rows first, then
  // columns.
  static __device__ uint32_t rows_first(const Element *at) {
    const int lane = threadIdx.x % 32;
    return address(at + lane % 16 * kStride + lane / 16 * 8);
  }

  // Likewise, columns first: two operands B.
  static __device__ uint32_t columns_first(const Element *at) {
    const int lane = threadIdx.x % 32;
    return address(at + (lane % 8 + lane / 16 * 8) * kStride + lane / 8 % 2 * 8);
  }

  static __device__ uint32_t address(const Element *at) {
    return static_cast<uint32_t>(__cvta_generic_to_shared(at));
  }

  // Scores of a tile: rows are tokens, columns positions.
  __device__ void score(Scores &scores, const Memory &shared, int stage) const {
    for (int m = 0; m < kOperands; m++) {
      for (int i = 0; i < kScoreTiles; i++) {
        for (int c = 0; c < 4; c++) scores[m][i][c] = 0.f;
      }
    }
    const uint32_t queries = rows_first(shared.queries[Shape::first_row()]);
    const uint32_t keys = columns_first(shared.stages[stage].keys[0]);
#pragma unroll
    for (int k = 0; k < Shape::kHeadSize; k += 16) {
      uint32_t a[kOperands][4];
      for (int m = 0; m < kOperands; m++) {
        load_fragments(a[m], queries + 2 * (16 * m * kStride + k));
      }
#pragma unroll
      for (int i = 0; i < kScoreTiles; i += 2) {
        uint32_t b[4];
        load_fragments(b, keys + 2 * (i * 8 * kStride + k));
        for (int m = 0; m < kOperands; m++) {
          multiply<Element>(scores[m][i], a[m], b[0], b[1]);
          multiply<Element>(scores[m][i + 1], a[m], b[2], b[3]);
        }
      }
    }
  }

  // Takes out positions past the tokens'. ahead: the first token's, counted from the tile's first.
  __device__ static void mask(Scores &scores, int ahead) {
    const int row = threadIdx.x % 32 / 4;
    const int column = threadIdx.x % 4 * 2;
#pragma unroll
    for (int m = 0; m < kOperands; m++) {
#pragma unroll
      for (int i = 0; i < kScoreTiles; i++) {
        for (int c = 0; c < 4; c++) {
          const int token = 16 * m + row + 8 * (c >> 1);
          if (8 * i + column + (c & 1) > ahead + token) scores[m][i][c] = -INFINITY;
        }
      }
    }
  }

  // Turns scores into weights, relative to the highest so far, and makes what was summed relative
  // to it too. Every token sees the first position, so that tops are finite from there on.
  __device__ void weigh(Scores &scores, float scale) {
    bool higher = false;
    float shrink[kOperands][2];
#pragma unroll
    for (int m = 0; m < kOperands; m++) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        float top = scores[m][0][2 * h];
        for (int i = 0; i < kScoreTiles; i++) {
          top = fmaxf(top, fmaxf(scores[m][i][2 * h], scores[m][i][2 * h + 1]));
        }
        top = fmaxf(tops[m][h], over_row(top, Greater()));
        higher |= top > tops[m][h];
        shrink[m][h] = power_of_two((tops[m][h] - top) * scale);
        tops[m][h] = top;
        totals[m][h] *= shrink[m][h];
        for (int i = 0; i < kScoreTiles; i++) {
          for (int c = 2 * h; c < 2 * h + 2; c++) {
            scores[m][i][c] = power_of_two(scores[m][i][c] * scale - top * scale);
            totals[m][h] += scores[m][i][c];
          }
        }
      }
    }
    // Tops rarely rise after the first tiles, and where registers are short the question parts this
    // from the products around it. Where they are not, it would only keep them apart.
    if (Shape::kHeadSize <= 64 || __any_sync(0xffffffffu, higher)) {
      for (int m = 0; m < kOperands; m++) {
        for (int i = 0; i < kSumTiles; i++) {
          for (int c = 0; c < 4; c++) sums[m][i][c] *= shrink[m][c >> 1];
        }
      }
    }
  }

  __device__ void add_values(const Scores &weights, const Memory &shared,
                             int stage) {
    const uint32_t values = rows_first(shared.stages[stage].values[0]);
#pragma unroll
    for (int k = 0; k < Shape::kPositions; k += 16) {
      uint32_t a[kOperands][4];
      for (int m = 0; m < kOperands; m++) {
        for (int i = 0; i < 4; i++) {
          const float *pair = &weights[m][k / 8 + i / 2][i % 2 * 2];
          a[m][i] = pack<Element>(pair[0], pair[1]);
        }
      }
#pragma unroll
      for (int i = 0; i < kSumTiles; i += 2) {
        uint32_t b[4];
        load_fragments_transposed(b, values + 2 * (k * kStride + i * 8));
        for (int m = 0; m < kOperands; m++) {
          multiply<Element>(sums[m][i], a[m], b[0], b[1]);
          multiply<Element>(sums[m][i + 1], a[m], b[2], b[3]);
        }
      }
    }
  }

  // Leaves the results in the rows of the warp's queries, which no other warp reads.
  __device__ void finish(Memory &shared) const {
    __syncwarp();
    const int r = threadIdx.x % 32 / 4;
    const int j = threadIdx.x % 4;
    for (int m = 0; m < kOperands; m++) {
      for (int h = 0; h < 2; h++) {
        const float inverse = 1.f / over_row(totals[m][h], Sum());
        Element *row = shared.queries[Shape::first_row() + 16 * m + 8 * h + r];
        for (int i = 0; i < kSumTiles; i++) {
          *reinterpret_cast<uint32_t *>(row + 8 * i + 2 * j) = pack<Element>(
              sums[m][i][2 * h] * inverse, sums[m][i][2 * h + 1] * inverse);
        }
      }
    }
    __syncwarp();
  }
};

}  // namespace attention

#endif
