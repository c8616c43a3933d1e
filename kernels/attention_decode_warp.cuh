// attention_decode_warp.cuh: what one warp of attention_one.cu does: a group's heads of one token
// over runs of 16 positions.
//
// Keys and values go from memory to the registers of the warp that multiplies them, and nowhere
// else. Both are operand A, the group's heads are the 8 columns of B, so that half of the tensor
// cores' work is not padding. 16 consecutive bytes of a row are what one lane loads; which element
// of the row is which row or k of the operand does not matter as long as both operands agree, so
// elements 8j .. 8j + 7 of 32 keep their place as k of two products, and elements 8r .. 8r + 7 of
// 64 are rows r and r + 8 of four.
#ifndef RAP_ATTENTION_DECODE_WARP_CUH
#define RAP_ATTENTION_DECODE_WARP_CUH

#include "attention.cuh"

namespace attention {

// Volatile, so that the compiler does not keep in registers what L1 holds.
__device__ inline uint4 load16(const void *at) {
  uint4 v;
  asm volatile("ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(at));
  return v;
}

// Bytes that are read once: they need no place in L1.
__device__ inline uint4 stream16(const void *at, bool wanted) {
  uint4 v = make_uint4(0, 0, 0, 0);
  if (wanted) {
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(at));
  }
  return v;
}

__device__ inline uint2 stream8(const void *at, bool wanted) {
  uint2 v = make_uint2(0, 0);
  if (wanted) {
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v2.u32 {%0, %1}, [%2];"
                 : "=r"(v.x), "=r"(v.y)
                 : "l"(at));
  }
  return v;
}

// The 8 x 8 elements of a warp, transposed.
__device__ inline uint32_t transpose(uint32_t x) {
  uint32_t y;
  asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(y) : "r"(x));
  return y;
}

// The work of one warp: kTiles * 8 heads over its runs.
template <typename Element, int kHeadSize, int kTiles>
struct DecodeWarp {
  static constexpr int kSlices = kHeadSize / 32;        // of a key, 16 bytes a lane
  static constexpr int kWide = kHeadSize / 64;          // of a value, 16 bytes a lane
  static constexpr bool kNarrow = kHeadSize % 64 != 0;  // and one of 8 bytes a lane
  static constexpr int kRows = kHeadSize / 16;          // operands A of a run of values

  uint4 keys[2][kSlices];
  uint4 wide[kWide > 0 ? kWide : 1][4];
  uint2 narrow[4];
  float sums[kTiles][kRows][4];
  float tops[kTiles][2];
  float totals[kTiles][2];  // of this lane's positions

  __device__ DecodeWarp() {
    for (int n = 0; n < kTiles; n++) {
      for (int i = 0; i < kRows; i++) {
        for (int c = 0; c < 4; c++) sums[n][i][c] = 0.f;
      }
      for (int h = 0; h < 2; h++) {
        tops[n][h] = -INFINITY;
        totals[n][h] = 0.f;
      }
    }
  }

  static __device__ int r() { return threadIdx.x % 32 / 4; }
  static __device__ int j() { return threadIdx.x % 4; }

  // at: the run's first key; left: positions of the context from there on. Slots past them may
  // hold anything, NaN too, and are not read.
  __device__ void load_keys(const Element *at, int left) {
    for (int half = 0; half < 2; half++) {
      const int row = r() + 8 * half;
      for (int i = 0; i < kSlices; i++) {
        keys[half][i] = stream16(at + row * kHeadSize + 32 * i + 8 * j(), row < left);
      }
    }
  }

  __device__ void load_values(const Element *at, int left) {
    for (int i = 0; i < 4; i++) {
      const int row = 2 * j() + (i & 1) + 8 * (i >> 1);
      for (int c = 0; c < kWide; c++) {
        wide[c][i] = stream16(at + row * kHeadSize + 64 * c + 8 * r(), row < left);
      }
      if (kNarrow) {
        narrow[i] = stream8(at + row * kHeadSize + 64 * kWide + 4 * r(), row < left);
      }
    }
  }

  // Scores of the run: rows are positions, columns heads. queries [G, Dh]: read anew each time,
  // from L1, since registers are short. Columns past G repeat the last head and go nowhere.
  __device__ void score(float (&scores)[kTiles][4], const Element *queries, int heads) const {
    for (int n = 0; n < kTiles; n++) {
      const Element *query = queries + min(8 * n + r(), heads - 1) * kHeadSize + 8 * j();
      for (int c = 0; c < 4; c++) scores[n][c] = 0.f;
      for (int i = 0; i < kSlices; i++) {
        const uint4 a = keys[0][i], b = keys[1][i], q = load16(query + 32 * i);
        multiply<Element>(scores[n], {a.x, b.x, a.y, b.y}, q.x, q.y);
        multiply<Element>(scores[n], {a.z, b.z, a.w, b.w}, q.z, q.w);
      }
    }
  }

  // Turns scores into weights, relative to the highest so far, and makes what was summed relative
  // to it too.
  __device__ void weigh(float (&scores)[kTiles][4], int left, float scale) {
    for (int n = 0; n < kTiles; n++) {
      if (left < kRun) {
        for (int c = 0; c < 4; c++) {
          if (r() + 8 * (c >> 1) >= left) scores[n][c] = -INFINITY;
        }
      }
      float shrink[2];
      for (int h = 0; h < 2; h++) {
        const float top = over_column(fmaxf(scores[n][h], scores[n][h + 2]), Greater());
        const float highest = fmaxf(tops[n][h], top);
        shrink[h] = power_of_two((tops[n][h] - highest) * scale);
        tops[n][h] = highest;
        for (int c = h; c < 4; c += 2) {
          scores[n][c] = power_of_two(scores[n][c] * scale - highest * scale);
        }
        totals[n][h] = totals[n][h] * shrink[h] + scores[n][h] + scores[n][h + 2];
      }
      for (int i = 0; i < kRows; i++) {
        for (int c = 0; c < 4; c++) sums[n][i][c] *= shrink[c & 1];
      }
    }
  }

  // Adds the run's values: rows are elements of a value, columns heads.
  __device__ void add_values(const float (&weights)[kTiles][4]) {
    uint32_t b[kTiles][2];
    for (int n = 0; n < kTiles; n++) {
      for (int half = 0; half < 2; half++) {
        b[n][half] = transpose(pack<Element>(weights[n][2 * half], weights[n][2 * half + 1]));
      }
    }
    for (int c = 0; c < kWide; c++) {
      const uint4(&v)[4] = wide[c];
      add_rows(4 * c, v[0].x, v[1].x, v[2].x, v[3].x, b);
      add_rows(4 * c + 1, v[0].y, v[1].y, v[2].y, v[3].y, b);
      add_rows(4 * c + 2, v[0].z, v[1].z, v[2].z, v[3].z, b);
      add_rows(4 * c + 3, v[0].w, v[1].w, v[2].w, v[3].w, b);
    }
    if (kNarrow) {
      add_rows(4 * kWide, narrow[0].x, narrow[1].x, narrow[2].x, narrow[3].x, b);
      add_rows(4 * kWide + 1, narrow[0].y, narrow[1].y, narrow[2].y, narrow[3].y, b);
    }
  }

  // Two elements of four positions each.
  __device__ void add_rows(int row, uint32_t v0, uint32_t v1, uint32_t v2, uint32_t v3,
                           const uint32_t (&b)[kTiles][2]) {
    const uint32_t a[4] = {__byte_perm(v0, v1, 0x5410), __byte_perm(v0, v1, 0x7632),
                           __byte_perm(v2, v3, 0x5410), __byte_perm(v2, v3, 0x7632)};
    for (int n = 0; n < kTiles; n++) {
      multiply<Element>(sums[n][row], a, b[n][0], b[n][1]);
    }
  }

  // The first of the two elements of a value that sums[.][row] are about; the other is next.
  static __device__ int element(int row) {
    return row < 4 * kWide ? row / 4 * 64 + 8 * r() + row % 4 * 2
                           : 64 * kWide + 4 * r() + (row - 4 * kWide) * 2;
  }
};

}  // namespace attention

#endif
