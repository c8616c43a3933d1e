// add_row.cu: adds one row to all: what removed units contribute on average.
//
// Math      y[t, :] += row[:]
// Shapes    y [T, D] F32, row [D] F32
// Floor     8 D bytes a token: 4 read, 4 written
// Launch    grid (T, D / 1024), block 256; a thread owns 4 columns of one token
// Requires  D a multiple of 64

#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kThreads = 256;
constexpr int kColumns = 4;  // of a thread: 16 bytes

__global__ void __launch_bounds__(kThreads) add_row(float *y, const float *row, int d) {
  const int column = (blockIdx.y * kThreads + threadIdx.x) * kColumns;
  if (column >= d) return;
  float *at = y + static_cast<int64_t>(blockIdx.x) * d + column;
  auto sums = load<kColumns>(at);
  const auto addends = load<kColumns>(row + column);
  for (int i = 0; i < kColumns; i++) sums.value[i] += addends.value[i];
  store(at, sums);
}

}  // namespace

int rap_cuda_add_row(void *stream, float *y, const float *row, int tokens, int d) {
  if (tokens < 0 || d < 64 || d % 64 != 0) return RAP_CUDA_BAD_ARGUMENT;
  if (tokens == 0) return RAP_CUDA_OK;
  const dim3 grid(tokens, ceil_div(d, kThreads * kColumns));
  add_row<<<grid, kThreads, 0, to_stream(stream)>>>(y, row, d);
  return cudaGetLastError();
}
