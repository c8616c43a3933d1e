// swiglu.cu: the gated activation between the two products of a feed-forward sublayer.
//
// Math      gate[t, c] = gate[t, c] / (1 + exp(-gate[t, c])) * up[t, c], retained channels c
// Source    Shazeer 2020, arXiv:2002.05202, SwiGLU
// Shapes    gate, up [T, stride] elements, the first `channels` columns of each row
// Types     in F32, rounded once, clamped to finite elements
// Floor     6 bytes a token and retained channel: 4 read, 2 written
// Launch    one-dimensional, block 256; consecutive blocks go along a token's retained channels; a
//           thread owns 8 channels (1, where stride or channels is no multiple of 8)
// Aliasing  gate is updated in place, each element by the thread that read it

#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kThreads = 256;

// __expf is wrong by at most 2^-22 + |g| * 2^-23, relative; an element's rounding is 2^-12 or more.
__device__ float gated(float g, float up) { return __fdividef(g, 1.0f + __expf(-g)) * up; }

template <typename E, int kWidth>
__global__ void __launch_bounds__(kThreads)
    swiglu(E *gate, const E *up, int64_t stride, int channels, int token_blocks,
           const int32_t *units, int unit_rows) {
  const int token = blockIdx.x / token_blocks;
  const int retained = (blockIdx.x % token_blocks * kThreads + threadIdx.x) * kWidth;
  int channel = retained;
  if (units != nullptr) {
    const int unit = retained / unit_rows;
    if (unit >= units[0]) return;
    channel = units[1 + unit] * unit_rows + retained % unit_rows;
  }
  if (channel >= channels) return;

  const int64_t at = token * stride + channel;
  auto gates = load<kWidth>(gate + at);
  const auto ups = load<kWidth>(up + at);
  for (int i = 0; i < kWidth; i++) {
    gates.value[i] = finite_element<E>(gated(to_float(gates.value[i]), to_float(ups.value[i])));
  }
  store(gate + at, gates);
}

template <typename E, int kWidth>
int launch(cudaStream_t stream, E *gate, const E *up, int64_t stride, int tokens, int channels,
           const int32_t *units, int unit_rows) {
  const int64_t columns = units == nullptr ? channels : ceil_div(channels, unit_rows) * unit_rows;
  const int64_t token_blocks = ceil_div(columns, kThreads * kWidth);
  if (columns > INT32_MAX || !fits_grid(token_blocks * tokens)) return RAP_CUDA_BAD_ARGUMENT;
  if (token_blocks * tokens == 0) return RAP_CUDA_OK;
  swiglu<E, kWidth><<<token_blocks * tokens, kThreads, 0, stream>>>(gate, up, stride, channels,
                                                                    token_blocks, units, unit_rows);
  return cudaGetLastError();
}

}  // namespace

int rap_cuda_swiglu(void *stream, int type, void *gate, const void *up, int64_t stride, int tokens,
                    int channels, const int32_t *units, int unit_rows) {
  if (tokens < 0 || channels < 0 || stride < channels) return RAP_CUDA_BAD_ARGUMENT;
  if (units != nullptr && (unit_rows < 16 || unit_rows % 16 != 0)) return RAP_CUDA_BAD_ARGUMENT;
  return for_element(type, [&](auto zero) -> int {
    using E = decltype(zero);
    const bool pieces = stride % 8 == 0 && channels % 8 == 0;
    return (pieces ? launch<E, 8> : launch<E, 1>)(to_stream(stream), static_cast<E *>(gate),
                                                  static_cast<const E *>(up), stride, tokens,
                                                  channels, units, unit_rows);
  });
}
