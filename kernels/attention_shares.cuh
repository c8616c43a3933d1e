// attention_shares.cuh: how warps and blocks of attention_one.cu that did parts of one context come
// to one result, always in the same order.
#ifndef RAP_ATTENTION_SHARES_CUH
#define RAP_ATTENTION_SHARES_CUH

#include "attention_decode_warp.cuh"

namespace attention {

// A share of one head's softmax: four elements summed over some positions, relative to the top
// score among them. The empty share has no positions.
struct Share {
  float top;
  float total;
  float4 sum;

  __device__ Share() : top(-INFINITY), total(0.f), sum(make_float4(0.f, 0.f, 0.f, 0.f)) {}

  // Adds n others. All factors are known before the first sum, so that they do not wait for each
  // other.
  template <int n>
  __device__ void add(const Share (&others)[n], float scale) {
    float highest = top;
    for (int i = 0; i < n; i++) highest = fmaxf(highest, others[i].top);
    // Of empty shares alone: minus infinity less itself would be a NaN.
    const float zero = highest == -INFINITY ? 0.f : highest * scale;
    const float mine = power_of_two(top * scale - zero);
    top = highest;
    total *= mine;
    sum = make_float4(sum.x * mine, sum.y * mine, sum.z * mine, sum.w * mine);
    for (int i = 0; i < n; i++) {
      const float its = power_of_two(others[i].top * scale - zero);
      total += others[i].total * its;
      sum.x += others[i].sum.x * its;
      sum.y += others[i].sum.y * its;
      sum.z += others[i].sum.z * its;
      sum.w += others[i].sum.w * its;
    }
  }
};

// What the warps of a block leave for each other, in shared memory. Quads, here and below, are four
// elements of a head, counted through all heads of the group.
template <int kHeadSize, int kTiles, int kWarps>
struct WarpShares {
  static constexpr int kQuads = kHeadSize / 4;

  float4 sums[kWarps][8 * kTiles][kQuads + 1];  // odd: fewer writes of a warp meet in a bank
  float tops[kWarps][8 * kTiles];
  float totals[kWarps][8 * kTiles];

  template <typename Element>
  __device__ void put(int warp, const DecodeWarp<Element, kHeadSize, kTiles> &work) {
    for (int n = 0; n < kTiles; n++) {
      for (int h = 0; h < 2; h++) {
        const int head = 8 * n + 2 * work.j() + h;
        const float total = over_column(work.totals[n][h], Sum());
        if (work.r() == 0) {
          tops[warp][head] = work.tops[n][h];
          totals[warp][head] = total;
        }
        for (int i = 0; i < work.kRows; i += 2) {
          const float(&a)[4] = work.sums[n][i], (&b)[4] = work.sums[n][i + 1];
          sums[warp][head][work.element(i) / 4] = make_float4(a[h], a[h + 2], b[h], b[h + 2]);
        }
      }
    }
  }

  __device__ void put(int warp, int quad, const Share &share) {
    const int head = quad / kQuads;
    sums[warp][head][quad % kQuads] = share.sum;
    if (quad % kQuads == 0) {
      tops[warp][head] = share.top;
      totals[warp][head] = share.total;
    }
  }

  // Of the first `warps`.
  __device__ Share combined(int warps, int quad, float scale) const {
    const int head = quad / kQuads;
    Share found[kWarps];
    for (int w = 0; w < kWarps; w++) {
      if (w >= warps) continue;
      found[w].top = tops[w][head];
      found[w].total = totals[w][head];
      found[w].sum = sums[w][head][quad % kQuads];
    }
    Share all;
    all.add(found, scale);
    return all;
  }
};

// Floats of a record of PartShares: sums, a top and a total of each head, in whole float4s.
__host__ __device__ constexpr int record_floats(int heads, int head_size) {
  return heads * head_size + (2 * heads + 3) / 4 * 4;
}

// What the blocks of a sequence and group leave for the last of them, in the scratch: records of
// sums [G, Dh], tops [G] and totals [G].
struct PartShares {
  float *records;
  int heads;
  int head_size;

  __device__ void put(int part, int quad, const Share &share) const {
    float *record = records + part * record_floats(heads, head_size);
    reinterpret_cast<float4 *>(record)[quad] = share.sum;
    if (4 * quad % head_size == 0) {
      float *tops = record + heads * head_size;
      tops[4 * quad / head_size] = share.top;
      tops[heads + 4 * quad / head_size] = share.total;
    }
  }

  // Past L1, which does not know what other blocks wrote.
  __device__ Share get(int part, int quad) const {
    const float *record = records + part * record_floats(heads, head_size);
    const float *tops = record + heads * head_size + 4 * quad / head_size;
    Share share;
    share.top = __ldcg(tops);
    share.total = __ldcg(tops + heads);
    share.sum = __ldcg(reinterpret_cast<const float4 *>(record) + quad);
    return share;
  }
};

// Leaves in `to` what this warp finds in the records of every (warps)-th part from its own on. It
// has many loads on their way at once: what it waits for is the way to L2 and back.
template <int kHeadSize, int kTiles, int kWarps>
__device__ void gather(WarpShares<kHeadSize, kTiles, kWarps> &to, const PartShares &from, int parts,
                       float scale) {
  constexpr int kPartsAtOnce = 3;
  constexpr int kQuadsAtOnce = 4;
  const int warp = threadIdx.x / 32;
  const int quads = from.heads * (kHeadSize / 4);
  for (int first = threadIdx.x % 32; first < quads; first += 32 * kQuadsAtOnce) {
    Share shares[kQuadsAtOnce];
    for (int part = warp; part < parts; part += kWarps * kPartsAtOnce) {
      Share read[kQuadsAtOnce][kPartsAtOnce];
#pragma unroll
      for (int q = 0; q < kQuadsAtOnce; q++) {
#pragma unroll
        for (int p = 0; p < kPartsAtOnce; p++) {
          const bool there = first + 32 * q < quads && part + p * kWarps < parts;
          if (there) read[q][p] = from.get(part + p * kWarps, first + 32 * q);
        }
      }
#pragma unroll
      for (int q = 0; q < kQuadsAtOnce; q++) shares[q].add(read[q], scale);
    }
#pragma unroll
    for (int q = 0; q < kQuadsAtOnce; q++) {
      if (first + 32 * q < quads) to.put(warp, first + 32 * q, shares[q]);
    }
  }
}

// Whether this block is the last of `parts` to come here; what the others wrote before is then
// visible to it. The counter is left at zero.
__device__ inline bool is_last(unsigned *counter, unsigned parts) {
  __shared__ bool last;
  // The barriers order the block's other threads before and after the first.
  __syncthreads();
  if (threadIdx.x == 0) {
    unsigned before;
    asm volatile("atom.acq_rel.gpu.global.inc.u32 %0, [%1], %2;"
                 : "=r"(before)
                 : "l"(counter), "r"(parts - 1)
                 : "memory");
    last = before == parts - 1;
  }
  __syncthreads();
  return last;
}

}  // namespace attention

#endif
