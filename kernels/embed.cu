// embed.cu: the embeddings of a step's tokens.
//
// Math      y[t, :] = table[tokens[t], :], or zeros for padding
// Shapes    y [T, D] F32, table [V, D] elements, tokens [T] int32
// Floor     6 D bytes a token: 2 read, 4 written
// Launch    grid (T, D / 1024), block 256; a thread owns 4 columns of one token, so that a warp
//           writes 512 consecutive bytes
// Requires  D a multiple of 64

#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kThreads = 256;
constexpr int kColumns = 4;  // of a thread

template <typename E>
__global__ void __launch_bounds__(kThreads)
    embed(float *y, const E *table, const int32_t *tokens, int d) {
  const int column = (blockIdx.y * kThreads + threadIdx.x) * kColumns;
  if (column >= d) return;
  const int32_t token = tokens[blockIdx.x];
  Piece<float, kColumns> out{};
  if (token >= 0) {
    const auto in = load<kColumns>(table + static_cast<int64_t>(token) * d + column);
    for (int i = 0; i < kColumns; i++) out.value[i] = to_float(in.value[i]);
  }
  store(y + static_cast<int64_t>(blockIdx.x) * d + column, out);
}

}  // namespace

int rap_cuda_embed(void *stream, int type, float *y, const void *table, const int32_t *tokens,
                   int count, int d) {
  if (count < 0 || d < 64 || d % 64 != 0) return RAP_CUDA_BAD_ARGUMENT;
  return for_element(type, [&](auto zero) -> int {
    using E = decltype(zero);
    if (count == 0) return RAP_CUDA_OK;
    const dim3 grid(count, ceil_div(d, kThreads * kColumns));
    embed<E><<<grid, kThreads, 0, to_stream(stream)>>>(y, static_cast<const E *>(table), tokens, d);
    return cudaGetLastError();
  });
}
