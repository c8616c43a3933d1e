// column_sums.cu: sums of the columns of activations, from which their means are made.
//
// Math      sums[c] += sum over t of x[t, c]
// Shapes    sums [columns] F64, x [T, stride] elements
// Types     F64 throughout, in an order that depends on T alone: the same inputs give the same bits
// Floor     2 bytes a token and column, read
// Launch    grid columns / 32, block 256: 4 threads side by side own 8 columns each (32 threads own
//           1, where stride or columns is no multiple of 8), the others go down the tokens
// Shared    16 KiB: the sums of every thread

#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kThreads = 256;
constexpr int kColumns = 32;  // of a block: 64 bytes of a row, two sectors
constexpr int kInFlight = 4;  // loads of a thread

template <typename E, int kWidth>
__global__ void __launch_bounds__(kThreads)
    column_sums(double *sums, const E *x, int64_t stride, int tokens, int columns) {
  constexpr int kAcross = kColumns / kWidth;  // threads side by side
  constexpr int kDown = kThreads / kAcross;   // rows at once
  __shared__ double partial[kDown][kColumns];
  const int across = threadIdx.x % kAcross;
  const int down = threadIdx.x / kAcross;
  const int column = blockIdx.x * kColumns + across * kWidth;

  double sum[kWidth] = {};
  if (column < columns) {
    const E *at = x + column;
    for (int t = down; t < tokens; t += kDown * kInFlight) {
      Piece<E, kWidth> in[kInFlight];
#pragma unroll
      for (int k = 0; k < kInFlight; k++) {
        const int64_t token = t + k * kDown;
        in[k] = token < tokens ? load<kWidth>(at + token * stride) : Piece<E, kWidth>{};
      }
#pragma unroll
      for (int k = 0; k < kInFlight; k++) {
        for (int i = 0; i < kWidth; i++) sum[i] += to_float(in[k].value[i]);
      }
    }
  }
  for (int i = 0; i < kWidth; i++) partial[down][across * kWidth + i] = sum[i];
  __syncthreads();

  const int own = blockIdx.x * kColumns + threadIdx.x;
  if (threadIdx.x >= kColumns || own >= columns) return;
  double total = 0;
  for (int row = 0; row < kDown; row++) total += partial[row][threadIdx.x];
  sums[own] += total;
}

}  // namespace

int rap_cuda_column_sums(void *stream, int type, double *sums, const void *x, int64_t stride,
                         int tokens, int columns) {
  if (tokens < 0 || columns < 0 || stride < columns) return RAP_CUDA_BAD_ARGUMENT;
  return for_element(type, [&](auto zero) -> int {
    using E = decltype(zero);
    if (columns == 0) return RAP_CUDA_OK;
    const bool pieces = stride % 8 == 0 && columns % 8 == 0;
    const auto kernel = pieces ? column_sums<E, 8> : column_sums<E, 1>;
    kernel<<<ceil_div(columns, kColumns), kThreads, 0, to_stream(stream)>>>(
        sums, static_cast<const E *>(x), stride, tokens, columns);
    return cudaGetLastError();
  });
}
