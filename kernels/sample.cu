// sample.cu: draws a token of each row, as dev.rap.engine.Sampler does.
//
// Math      weight[v] = exp((logits[v] - max) / temperature). Ranked by falling weight, ties by
//           index, the first top_k stay; of these the fewest that reach top_p of their mass; of
//           these the ones of at least min_p. The first whose cumulative weight passes uniform
//           times the mass that stays is drawn. Where all stay, tokens go by index instead
// Shapes    y [rows] int32, logits [rows, V] F32, overwritten, draws [rows]
// Types     weights F64 rounded to F32, the same numbers as the Java class has; their sums are
//           integers, in units of 2^-44: exact, so that the outcome depends on no order, and weights
//           below one unit count as 0
// Floor     4 V bytes a row read for the greatest, 8 V for the weights; then one block works on a
//           row, from L2: the rest is its time for 2 to 9 passes
// Launch    argmax into y; weights: grid (rows, V / 8192), block 512; draw: grid rows, block 1024.
//           Rows whose greatest is wanted end there; so do those with a NaN, as in the Java class
// Shared    31 KiB for draw: two histograms of counts and masses by depth
// Requires  V at most 2^18
//
// How ranks are found without sorting. The depth of a weight is how far its bits are below those of
// 1, the greatest: depths rise where weights fall, and those that count have 29 bits. A histogram of
// the first 11 bits of all says in which bucket a count or a mass is reached, a second and a third
// of the next 9 bits, of that bucket alone, say at which depth. Tokens of one depth go by index.

#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kWeightThreads = 512;
constexpr int kWeightPart = 8192;  // logits of a block of weights
constexpr int kMaxVocabulary = 1 << 18;

constexpr int kThreads = kMaxBlock;
constexpr int kWarps = kThreads / kWarp;
constexpr int kInFlight = 4;

constexpr uint32_t kOne = 0x3f800000;  // the bits of 1.0f
constexpr int kUnitBits = 44;          // 2^18 weights of 2^44 units fit 63 bits
constexpr uint32_t kDeepest = static_cast<uint32_t>(kUnitBits) << 23;  // the depth of one unit
constexpr int kFineBits = 9;
constexpr int kFine = 1 << kFineBits;
constexpr int kCoarse = 2048;
static_assert(kDeepest >> 2 * kFineBits < kCoarse);

// 0 for the greatest weight, 1; more than kDeepest for weights that count as 0, and for NaN.
__device__ uint32_t depth_of(float weight) { return kOne - __float_as_uint(weight); }

__device__ uint64_t units_of(float weight) {
  constexpr float kUnits = 1ull << kUnitBits;
  return depth_of(weight) <= kDeepest ? __float2ull_rn(weight * kUnits) : 0;
}

__device__ bool takes_best(const rap_cuda_draw &draw) {
  return draw.temperature == 0 || draw.top_k == 1;
}

// Counts and masses by bucket. Masses are in two words: there are no fast 64-bit shared atomics.
template <int kBuckets>
struct Histogram {
  uint32_t count[kBuckets];
  uint32_t low[kBuckets];
  uint32_t high[kBuckets];

  __device__ void clear() {
    for (int i = threadIdx.x; i < kBuckets; i += kThreads) count[i] = low[i] = high[i] = 0;
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

struct Shared {
  Histogram<kCoarse> coarse;
  Histogram<kFine> fine;
  Extent warp_extents[kWarps];
  Place place;
  uint64_t warp_sums[kWarps];
  int32_t token;
};

__device__ Extent shuffled_up(const Extent &extent, int offset) {
  return {__shfl_up_sync(0xffffffffu, extent.mass, offset),
          __shfl_up_sync(0xffffffffu, extent.count, offset)};
}

// The extent of the threads before this one.
__device__ Extent extent_before(Extent own, Shared &shared) {
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
__device__ Place reached(const Histogram<kBuckets> &histogram, uint64_t amount, Shared &shared) {
  constexpr int kEach = kBuckets > kThreads ? kBuckets / kThreads : 1;
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
    const int stretch = ceil_div(ceil_div(vocabulary, kWarps), kStep) * kStep;
    begin_ = min(vocabulary, static_cast<int>(threadIdx.x / kWarp) * stretch);
    end_ = min(vocabulary, begin_ + stretch);
  }

  // Calls visit(weight) for all weights, in no order.
  template <typename Visit>
  __device__ void each(Visit visit) const {
    for (int first = begin_; first < end_; first += kInFlight * kWarp * kWidth) {
      Piece<float, kWidth> in[kInFlight];
#pragma unroll
      for (int k = 0; k < kInFlight; k++) {
        if (index(first, k) < end_) in[k] = load<kWidth>(weights_ + index(first, k));
      }
#pragma unroll
      for (int k = 0; k < kInFlight; k++) {
        if (index(first, k) >= end_) continue;
        for (const float weight : in[k].value) visit(weight);
      }
    }
  }

  // The token at which the sum of value(weight), by index, reaches `amount`, which is at least 1 and
  // at most the sum of all. The warp_sums are shared.warp_sums, of each warp's own stretch.
  template <typename Value>
  __device__ int32_t reached(uint64_t amount, Value value, Shared &shared) const {
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
  __device__ void search(uint64_t amount, Value value, Shared &shared) const {
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
__device__ void refine(const Row<kWidth> &row, uint32_t prefix, int shift, Shared &shared) {
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
__device__ Place rank(const Row<kWidth> &row, uint64_t amount, Shared &shared) {
  Place place = reached<kByCount>(shared.coarse, amount, shared);
  for (int shift = kFineBits; shift >= 0; shift -= kFineBits) {
    refine(row, place.bucket, shift, shared);
    const uint64_t rest = amount - measure<kByCount>(place.before);
    const Place within = reached<kByCount>(shared.fine, rest, shared);
    place = {place.bucket << kFineBits | within.bucket, place.before + within.before};
  }
  return place;
}

__device__ uint64_t units_at(uint32_t depth) { return units_of(__uint_as_float(kOne - depth)); }

// What a first pass over the weights finds, and fills shared.coarse beside.
struct Totals {
  uint64_t mass;
  uint64_t min_p_mass;
  uint32_t count;
  bool has_nan;
};

template <int kWidth>
__device__ Totals total(const Row<kWidth> &row, float min_p, bool ranks, Shared &shared) {
  Totals own{};
  row.each([&](float weight) {
    const uint64_t units = units_of(weight);
    own.has_nan |= isnan(weight);
    if (units == 0) return;
    own.mass += units;
    own.min_p_mass += weight >= min_p ? units : 0;
    own.count++;
    if (ranks) shared.coarse.add(depth_of(weight) >> 2 * kFineBits, units);
  });
  const uint64_t warp_mass = warp_sum(own.mass);
  if (threadIdx.x % kWarp == 0) shared.warp_sums[threadIdx.x / kWarp] = warp_mass;
  const bool has_nan = __syncthreads_or(own.has_nan);
  const uint64_t mass = warp_sum(shared.warp_sums[threadIdx.x % kWarp]);
  return {mass, block_sum(own.min_p_mass), block_sum(own.count), has_nan};
}

// The mass of the tokens that stay.
template <int kWidth>
__device__ uint64_t kept_mass(const Row<kWidth> &row, const rap_cuda_draw &draw,
                              const Totals &totals, Shared &shared) {
  uint64_t mass = totals.mass;
  if (draw.top_k > 0 && draw.top_k < totals.count) {
    const Place place = rank<true>(row, draw.top_k, shared);
    mass = place.before.mass + (draw.top_k - place.before.count) * units_at(place.bucket);
  }
  uint64_t kept = min(mass, totals.min_p_mass);
  if (draw.top_p < 1) {
    const auto wanted = static_cast<uint64_t>(ceil(static_cast<double>(draw.top_p) * mass));
    const uint64_t amount = max(static_cast<uint64_t>(1), min(wanted, mass));
    const Place place = rank<false>(row, amount, shared);
    const uint64_t units = units_at(place.bucket);
    const uint64_t ties = (amount - place.before.mass + units - 1) / units;
    kept = min(kept, place.before.mass + ties * units);
  }
  return kept;
}

// The first amount of a mass that is beyond `uniform` of it.
__device__ uint64_t beyond(double uniform, uint64_t mass) {
  return min(static_cast<uint64_t>(uniform * mass), mass - 1) + 1;
}

template <int kWidth>
__device__ int32_t draw_ranked(const Row<kWidth> &row, const rap_cuda_draw &draw,
                               const Totals &totals, Shared &shared) {
  const uint64_t amount = beyond(draw.uniform, kept_mass(row, draw, totals, shared));
  const Place place = rank<false>(row, amount, shared);
  const uint64_t ties_before = (amount - place.before.mass - 1) / units_at(place.bucket);
  const auto is_tied = [&](float weight) { return uint64_t{depth_of(weight) == place.bucket}; };
  uint64_t own = 0;
  row.each([&](float weight) { own += is_tied(weight); });
  own = warp_sum(own);
  if (threadIdx.x % kWarp == 0) shared.warp_sums[threadIdx.x / kWarp] = own;
  return row.reached(ties_before + 1, is_tied, shared);
}

// y has the greatest of each row, whose weight is 1.
template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    draw_rows(int32_t *y, float *weights, int vocabulary, const rap_cuda_draw *draws) {
  __shared__ Shared shared;
  const rap_cuda_draw draw = draws[blockIdx.x];
  if (takes_best(draw)) return;
  float *first = weights + static_cast<int64_t>(blockIdx.x) * vocabulary;
  if (threadIdx.x == 0) first[y[blockIdx.x]] = 1;
  shared.coarse.clear();
  __syncthreads();

  const Row<kWidth> row(first, vocabulary);
  const bool ranks = draw.top_k > 0 || draw.top_p < 1 || draw.min_p > 0;
  const Totals totals = total(row, draw.min_p, ranks, shared);
  if (totals.has_nan) return;
  const int32_t token =
      ranks ? draw_ranked(row, draw, totals, shared)
            : row.reached(beyond(draw.uniform, totals.mass), units_of, shared);
  if (threadIdx.x == 0) y[blockIdx.x] = token;
}

// Logits become weights, but for the greatest, which other blocks still read.
template <int kWidth>
__global__ void __launch_bounds__(kWeightThreads)
    weigh(const int32_t *y, float *logits, int vocabulary, const rap_cuda_draw *draws) {
  const rap_cuda_draw &draw = draws[blockIdx.x];
  if (takes_best(draw)) return;
  float *row = logits + static_cast<int64_t>(blockIdx.x) * vocabulary;  // [V]
  const int best = y[blockIdx.x];
  const float max = row[best];
  const int begin = blockIdx.y * kWeightPart;
#pragma unroll 4
  for (int k = 0; k < kWeightPart / (kWeightThreads * kWidth); k++) {
    const int index = begin + (k * kWeightThreads + threadIdx.x) * kWidth;
    if (index >= vocabulary) return;
    auto piece = load<kWidth>(row + index);
    for (int i = 0; i < kWidth; i++) {
      const double scaled = static_cast<double>(piece.value[i] - max) / draw.temperature;
      piece.value[i] = index + i == best ? max : static_cast<float>(exp(scaled));
    }
    store(row + index, piece);
  }
}

}  // namespace

int rap_cuda_sample(void *stream, int32_t *y, float *logits, int rows, int vocabulary,
                    const struct rap_cuda_draw *draws) {
  if (vocabulary > kMaxVocabulary) return RAP_CUDA_BAD_ARGUMENT;
  const int status = rap_cuda_argmax(stream, y, logits, rows, vocabulary);
  if (status != RAP_CUDA_OK || rows == 0) return status;
  const bool pieces = vocabulary % 4 == 0;
  const dim3 parts(rows, ceil_div(vocabulary, kWeightPart));
  (pieces ? weigh<4> : weigh<1>)<<<parts, kWeightThreads, 0, to_stream(stream)>>>(
      y, logits, vocabulary, draws);
  const cudaError_t weighed = cudaGetLastError();
  if (weighed != cudaSuccess) return weighed;
  (pieces ? draw_rows<4> : draw_rows<1>)<<<rows, kThreads, 0, to_stream(stream)>>>(
      y, logits, vocabulary, draws);
  return cudaGetLastError();
}
