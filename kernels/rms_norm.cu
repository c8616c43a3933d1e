// rms_norm.cu: each row divided by its root mean square and scaled by a learned weight.
//
// Math      y[t, i] = x[r, i] * weight[i] / sqrt(sum over j of x[r, j]^2 / D + eps), r = rows[t]
// Source    Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4 (eps inside the root, as in Llama)
// Shapes    y [T, D] elements, x [., D] F32, weight [D] F32, rows [T] int32 or NULL
// Floor     6 D bytes a token: 4 read, 2 written; at one token, the time of two dependent reads
// Launch    grid T, block up to 1024: a token's row stays in the registers of its block. Few tokens
//           take more threads with fewer pieces each, many take fewer threads with more in flight
// Requires  D a multiple of 64, at most 16384

#include "launch.cuh"
#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kColumns = 4;    // of a piece: one load of 16 bytes
constexpr int kMaxPieces = 4;  // of a thread
constexpr int kMaxColumns = kMaxBlock * kMaxPieces * kColumns;
constexpr int kManyTokens = 264;  // two blocks for each of an H100's 132 multiprocessors

template <typename E, int kPieces>
__global__ void __launch_bounds__(kMaxBlock)
    rms_norm(E *y, const float *x, const float *weight, const int32_t *rows, int d, float eps) {
  using Quad = Piece<float, kColumns>;
  let_next_start();
  wait_for_previous();
  const int64_t row = rows == nullptr ? blockIdx.x : rows[blockIdx.x];
  const float *x_row = x + row * d;  // [D]

  Quad xs[kPieces], weights[kPieces];
  float squares = 0;
#pragma unroll
  for (int k = 0; k < kPieces; k++) {
    const int column = (k * blockDim.x + threadIdx.x) * kColumns;
    xs[k] = column < d ? load<kColumns>(x_row + column) : Quad{};
    // Asked for here, so that it arrives while the block sums.
    weights[k] = column < d ? load<kColumns>(weight + column) : Quad{};
  }
#pragma unroll
  for (int k = 0; k < kPieces; k++) {
    for (const float value : xs[k].value) squares += value * value;
  }
  const float scale = rsqrtf(block_sum(squares) / d + eps);

  E *y_row = y + static_cast<int64_t>(blockIdx.x) * d;  // [D]
#pragma unroll
  for (int k = 0; k < kPieces; k++) {
    const int column = (k * blockDim.x + threadIdx.x) * kColumns;
    if (column >= d) continue;
    Piece<E, kColumns> out;
    for (int i = 0; i < kColumns; i++) {
      out.value[i] = finite_element<E>(xs[k].value[i] * scale * weights[k].value[i]);
    }
    store(y_row + column, out);
  }
}

int pieces(int tokens, int d) {
  if (tokens >= kManyTokens) return kMaxPieces;
  const int quads = d / kColumns;
  return quads <= 512 ? 1 : quads <= 1024 ? 2 : kMaxPieces;
}

template <typename E, int kPieces>
int queue(void *stream, int threads, void *y, const float *x, const float *weight,
          const int32_t *rows, int tokens, int d, float eps) {
  return enqueue<rms_norm<E, kPieces>>(stream, dim3(tokens), threads, 0, static_cast<E *>(y), x,
                                       weight, rows, d, eps);
}

}  // namespace

int rap_cuda_rms_norm(void *stream, int type, void *y, const float *x, const float *weight,
                      const int32_t *rows, int tokens, int d, float eps) {
  if (tokens < 0 || d < 64 || d % 64 != 0 || d > kMaxColumns) return RAP_CUDA_BAD_ARGUMENT;
  return for_element(type, [&](auto zero) -> int {
    using E = decltype(zero);
    if (tokens == 0) return RAP_CUDA_OK;
    const int each = pieces(tokens, d);
    const int threads = ceil_div(ceil_div(d / kColumns, each), kWarp) * kWarp;
    switch (each) {
      case 1: return queue<E, 1>(stream, threads, y, x, weight, rows, tokens, d, eps);
      case 2: return queue<E, 2>(stream, threads, y, x, weight, rows, tokens, d, eps);
      default: return queue<E, kMaxPieces>(stream, threads, y, x, weight, rows, tokens, d, eps);
    }
  });
}
