// ranking.cuh: where in the ranking of a row of weights a count or a mass of them is reached, found
// by one block of 1024 threads without sorting.
//
// The depth of a weight is how far its bits are below those of 1, the greatest: depths rise where
// weights fall, and those that count have 29 bits. A histogram of the first 11 bits of all says in
// which bucket a count or a mass is reached, a second and a third of the next 9 bits, of that
// bucket alone, say at which depth. Tokens of one depth go by index.
//
// Masses are integers, in units of 2^-44 of the greatest weight, 1: exact, so that no outcome
// depends on an order. Weights below one unit count as 0, and are in no histogram.
#ifndef RAP_RANKING_CUH
#define RAP_RANKING_CUH

#include "scalar.cuh"

namespace rap {

constexpr int kRankThreads = kMaxBlock;
constexpr int kRankWarps = kRankThreads / kWarp;
constexpr int kRankInFlight = 4;

constexpr uint32_t kOne = 0x3f800000;  // the bits of 1.0f
constexpr int kUnitBits = 44;          // 2^18 weights of 2^44 units fit 63 bits
constexpr uint32_t kDeepest = static_cast<uint32_t>(kUnitBits) << 23;  // the depth of one unit
constexpr int kFineBits = 9;
constexpr int kFine = 1 << kFineBits;
constexpr int kCoarse = 2048;
static_assert(kDeepest >> 2 * kFineBits < kCoarse);

// 0 for the greatest weight, 1; more than kDeepest for weights that count as 0, and for NaN.
inline __device__ uint32_t depth_of(float weight) { return kOne - __float_as_uint(weight); }

inline __device__ uint64_t units_of(float weight) {
  constexpr float kUnits = 1ull << kUnitBits;
  return depth_of(weight) <= kDeepest ? __float2ull_rn(weight * kUnits) : 0;
}

// Counts and masses by bucket. Masses are in two words: there are no fast 64-bit shared atomics.
template <int kBuckets>
struct Histogram {
  uint32_t count[kBuckets];
  uint32_t low[kBuckets];
  uint32_t high[kBuckets];

  __device__ void clear() {
    for (int i = threadIdx.x; i < kBuckets; i += kRankThreads) count[i] = low[i] = high[i] = 0;
  }

  __device__ void add(uint32_t bucket, uint64_t mass) {
    atomicAdd(&count[bucket], 1);
    const uint32_t part = static_cast<uint32_t>(mass);
    const uint32_t carry = atomicAdd(&low[bucket], part) > ~part;
    const uint32_t rest = static_cast<uint32_t>(mass >> 32) + carry;
    if (rest != 0) atomicAdd(&high[bucket], rest);
  }
};

struct Extent {
  uint64_t mass;
  uint32_t count;

  __device__ Extent operator+(const Extent &other) const {
    return {mass + other.mass, count + other.count};
  }
};

template <bool kByCount>
__device__ uint64_t measure(const Extent &extent) {
  return kByCount ? extent.count : extent.mass;
}

// A place in the ranking: a bucket, later a depth, and what ranks before all of it.
struct Place {
  uint32_t bucket;
  Extent before;
};

struct RankShared {
  Histogram<kCoarse> coarse;
  Histogram<kFine> fine;
  Extent warp_extents[kRankWarps];
  Place place;
  uint64_t warp_sums[kRankWarps];
  int32_t token;
};

inline __device__ Extent shuffled_up(const Extent &extent, int offset) {
  return {__shfl_up_sync(0xffffffffu, extent.mass, offset),
          __shfl_up_sync(0xffffffffu, extent.count, offset)};
}

// The extent of the threads before this one.
inline __device__ Extent extent_before(Extent own, RankShared &shared) {
  const int lane = threadIdx.x % kWarp;
  const int warp = threadIdx.x / kWarp;
  Extent sum = own;
  for (int offset = 1; offset < kWarp; offset *= 2) {
    const Extent below = shuffled_up(sum, offset);
    if (lane >= offset) sum = sum + below;
  }
  if (lane == kWarp - 1) shared.warp_extents[warp] = sum;
  __syncthreads();
  const Extent of_lane = lane < warp ? shared.warp_extents[lane] : Extent{};
  const Extent warps{warp_sum(of_lane.mass), warp_sum(of_lane.count)};
  return {warps.mass + sum.mass - own.mass, warps.count + sum.count - own.count};
}

// The bucket in which `amount`, of at least 1 and at most all, is reached.
template <bool kByCount, int kBuckets>
__device__ Place reached(const Histogram<kBuckets> &histogram, uint64_t amount,
                         RankShared &shared) {
  constexpr int kEach = kBuckets > kRankThreads ? kBuckets / kRankThreads : 1;
  Extent extents[kEach] = {};
  Extent own{};
  for (int i = 0; i < kEach; i++) {
    const int bucket = threadIdx.x * kEach + i;
    if (bucket < kBuckets) {
      const uint64_t high = histogram.high[bucket];
      extents[i] = {high << 32 | histogram.low[bucket], histogram.count[bucket]};
    }
    own = own + extents[i];
  }
  Extent before = extent_before(own, shared);
  for (int i = 0; i < kEach; i++) {
    const Extent after = before + extents[i];
    if (measure<kByCount>(before) < amount && amount <= measure<kByCount>(after)) {
      shared.place = {threadIdx.x * kEach + i, before};
    }
    before = after;
  }
  __syncthreads();
  return shared.place;
}

// One row. Visits go by warp: each has one stretch of the row, and takes it in order.
template <int kWidth>
class Row {
 public:
  __device__ Row(float *weights, int vocabulary) : weights_(weights) {
    constexpr int kStep = kWarp * kWidth;
    const int stretch = ceil_div(ceil_div(vocabulary, kRankWarps), kStep) * kStep;
    begin_ = min(vocabulary, static_cast<int>(threadIdx.x / kWarp) * stretch);
    end_ = min(vocabulary, begin_ + stretch);
  }

  // Calls visit(weight) for all weights, in no order.
  template <typename Visit>
  __device__ void each(Visit visit) const {
    for (int first = begin_; first < end_; first += kRankInFlight * kWarp * kWidth) {
      Piece<float, kWidth> in[kRankInFlight];
#pragma unroll
      for (int k = 0; k < kRankInFlight; k++) {
        if (index(first, k) < end_) in[k] = load<kWidth>(weights_ + index(first, k));
      }
#pragma unroll
      for (int k = 0; k < kRankInFlight; k++) {
        if (index(first, k) >= end_) continue;
        for (const float weight : in[k].value) visit(weight);
      }
    }
  }

  // The token at which the sum of value(weight), by index, reaches `amount`, which is at least 1
  // and at most the sum of all. shared.warp_sums has the sum of each warp's stretch.
  template <typename Value>
  __device__ int32_t reached(uint64_t amount, Value value, RankShared &shared) const {
    __syncthreads();
    const int lane = threadIdx.x % kWarp;
    const int warp = threadIdx.x / kWarp;
    const uint64_t before = warp_sum(lane < warp ? shared.warp_sums[lane] : 0);
    if (before < amount && amount <= before + shared.warp_sums[warp]) {
      search(amount - before, value, shared);
    }
    __syncthreads();
    return shared.token;
  }

 private:
  __device__ int index(int first, int k) const {
    return first + (k * kWarp + static_cast<int>(threadIdx.x % kWarp)) * kWidth;
  }

  // `reached` within this warp's stretch.
  template <typename Value>
  __device__ void search(uint64_t amount, Value value, RankShared &shared) const {
    const int lane = threadIdx.x % kWarp;
    uint64_t before = 0;
    for (int first = begin_; before < amount && first < end_; first += kWarp * kWidth) {
      uint64_t values[kWidth] = {};
      uint64_t own = 0;
      if (index(first, 0) < end_) {
        const auto in = load<kWidth>(weights_ + index(first, 0));
        for (int i = 0; i < kWidth; i++) own += values[i] = value(in.value[i]);
      }
      uint64_t sum = own;
      for (int offset = 1; offset < kWarp; offset *= 2) {
        const uint64_t below = __shfl_up_sync(0xffffffffu, sum, offset);
        if (lane >= offset) sum += below;
      }
      uint64_t at = before + sum - own;
      for (int i = 0; i < kWidth; i++) {
        if (at < amount && amount <= at + values[i]) shared.token = index(first, 0) + i;
        at += values[i];
      }
      before += __shfl_sync(0xffffffffu, sum, kWarp - 1);
    }
  }

  float *weights_;
  int begin_;
  int end_;
};

// Adds the weights whose depth begins with `prefix`, by the kFineBits that follow.
template <int kWidth>
__device__ void refine(const Row<kWidth> &row, uint32_t prefix, int shift, RankShared &shared) {
  __syncthreads();
  shared.fine.clear();
  __syncthreads();
  row.each([&](float weight) {
    const uint32_t depth = depth_of(weight);
    if (depth <= kDeepest && depth >> shift >> kFineBits == prefix) {
      shared.fine.add(depth >> shift & (kFine - 1), units_of(weight));
    }
  });
  __syncthreads();
}

// The depth at which the ranking reaches `amount`, and what ranks before all of that depth.
template <bool kByCount, int kWidth>
__device__ Place rank(const Row<kWidth> &row, uint64_t amount, RankShared &shared) {
  Place place = reached<kByCount>(shared.coarse, amount, shared);
  for (int shift = kFineBits; shift >= 0; shift -= kFineBits) {
    refine(row, place.bucket, shift, shared);
    const uint64_t rest = amount - measure<kByCount>(place.before);
    const Place within = reached<kByCount>(shared.fine, rest, shared);
    place = {place.bucket << kFineBits | within.bucket, place.before + within.before};
  }
  return place;
}

inline __device__ uint64_t units_at(uint32_t depth) {
  return units_of(__uint_as_float(kOne - depth));
}

}  // namespace rap

#endif
