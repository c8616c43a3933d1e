// log_probs.cu: what the model thinks of one token of each row, for perplexity.
//
// Math      y[i] = logits[i, targets[i]] - log(sum over v of exp(logits[i, v]))
// Shapes    y [rows] F64, logits [rows, V] F32, targets [rows] int32
// Types     exponentials F32, sums F64; the logarithm and the difference F64
// Source    Milakov & Gimelshein 2018, arXiv:1805.02867: maximum and sum in one pass
// Floor     4 V bytes a row, read once
// Launch    grid rows, block 1024; a thread owns every 1024th piece of 4 logits (of 1, where V is
//           no multiple of 4), 4 of them in flight
// Outside   NaN where a target is no token

#include <float.h>

#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kThreads = 1024;
constexpr int kInFlight = 4;

// The sum over some logits of exp(logit - max), max at least all of them.
struct Partial {
  float max;
  double sum;
};

__device__ Partial merged(Partial a, Partial b) {
  const float max = fmaxf(a.max, b.max);
  return {max, a.sum * exp(static_cast<double>(a.max) - max) +
                   b.sum * exp(static_cast<double>(b.max) - max)};
}

__device__ Partial warp_merged(Partial partial) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    partial = merged(partial, {__shfl_xor_sync(0xffffffffu, partial.max, offset),
                               __shfl_xor_sync(0xffffffffu, partial.sum, offset)});
  }
  return partial;
}

template <int kWidth>
__device__ Piece<float, kWidth> load_or_nothing(const float *row, int64_t index, int vocabulary) {
  if (index < vocabulary) return load<kWidth>(row + index);
  Piece<float, kWidth> nothing;
  for (float &logit : nothing.value) logit = -INFINITY;  // its exponential is 0
  return nothing;
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    log_probs(double *y, const float *logits, int vocabulary, const int32_t *targets) {
  __shared__ Partial warp_partials[kThreads / kWarp];
  const float *row = logits + static_cast<int64_t>(blockIdx.x) * vocabulary;  // [V]
  // Not -inf, whose difference from itself is NaN.
  Partial partial{-FLT_MAX, 0};
  for (int64_t first = threadIdx.x * kWidth; first < vocabulary;
       first += kThreads * kWidth * kInFlight) {
    Piece<float, kWidth> in[kInFlight];
    float max = partial.max;
#pragma unroll
    for (int k = 0; k < kInFlight; k++) {
      in[k] = load_or_nothing<kWidth>(row, first + k * kThreads * kWidth, vocabulary);
    }
#pragma unroll
    for (int k = 0; k < kInFlight; k++) {
      for (const float logit : in[k].value) max = fmaxf(max, logit);
    }
    float sum = 0;
#pragma unroll
    for (int k = 0; k < kInFlight; k++) {
      for (const float logit : in[k].value) sum += __expf(logit - max);
    }
    partial = {max, partial.sum * expf(partial.max - max) + sum};
  }
  partial = warp_merged(partial);
  if (threadIdx.x % kWarp == 0) warp_partials[threadIdx.x / kWarp] = partial;
  __syncthreads();
  if (threadIdx.x >= kWarp) return;

  partial = warp_merged(warp_partials[threadIdx.x]);
  if (threadIdx.x != 0) return;
  const int32_t target = targets[blockIdx.x];
  const bool is_token = target >= 0 && target < vocabulary;
  const double logit = is_token ? static_cast<double>(row[target]) : nan("");
  y[blockIdx.x] = logit - partial.max - log(partial.sum);
}

}  // namespace

int rap_cuda_log_probs(void *stream, double *y, const float *logits, int rows, int vocabulary,
                       const int32_t *targets) {
  if (rows < 0 || vocabulary < 1) return RAP_CUDA_BAD_ARGUMENT;
  if (rows == 0) return RAP_CUDA_OK;
  const auto kernel = vocabulary % 4 == 0 ? log_probs<4> : log_probs<1>;
  kernel<<<rows, kThreads, 0, to_stream(stream)>>>(y, logits, vocabulary, targets);
  return cudaGetLastError();
}
