// sample.cu: draws a token of each row, as dev.rap.engine.Sampler does.
//
// Math      weight[v] = exp((logits[v] - max) / temperature). Ranked by falling weight, ties by
//           index, the first top_k stay; of these the fewest that reach top_p of their mass; of
//           these the ones of at least min_p. The first whose cumulative weight passes uniform
//           times the mass that stays is drawn. Where all stay, tokens go by index instead
// Shapes    y [rows] int32, logits [rows, V] F32, overwritten, draws [rows]
// Types     weights F64 rounded to F32, the same numbers as the Java class has; their sums are
//           integers, in units of 2^-44: exact, so that the outcome depends on no order, and
//           weights below one unit count as 0
// Floor     4 V bytes a row read for the greatest, 8 V for the weights; then one block works on a
//           row, from L2: the rest is its time for 2 to 9 passes
// Launch    argmax into y; weights: grid (rows, V / 8192), block 512; draw: grid rows, block 1024.
//           Rows whose greatest is wanted end there; so do those with a NaN, as in the Java class
// Shared    31 KiB for draw: two histograms of counts and masses by depth
// Requires  V at most 2^18

#include "ranking.cuh"

namespace {

using namespace rap;

constexpr int kWeightThreads = 512;
constexpr int kWeightPart = 8192;  // logits of a block of weights
constexpr int kMaxVocabulary = 1 << 18;

__device__ bool takes_best(const rap_cuda_draw &draw) {
  return draw.temperature == 0 || draw.top_k == 1;
}

// What a first pass over the weights finds, and fills shared.coarse beside.
struct Totals {
  uint64_t mass;
  uint64_t min_p_mass;
  uint32_t count;
  bool has_nan;
};

template <int kWidth>
__device__ Totals total(const Row<kWidth> &row, float min_p, bool ranks, RankShared &shared) {
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
                              const Totals &totals, RankShared &shared) {
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
                               const Totals &totals, RankShared &shared) {
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
__global__ void __launch_bounds__(kRankThreads)
    draw_rows(int32_t *y, float *weights, int vocabulary, const rap_cuda_draw *draws) {
  __shared__ RankShared shared;
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
  const int32_t token = ranks ? draw_ranked(row, draw, totals, shared)
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
  (pieces ? draw_rows<4> : draw_rows<1>)<<<rows, kRankThreads, 0, to_stream(stream)>>>(
      y, logits, vocabulary, draws);
  return cudaGetLastError();
}
