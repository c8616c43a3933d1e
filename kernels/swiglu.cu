// swiglu.cu: the gated activation between the two products of a feed-forward sublayer.
//
// Math      gate[t, c] = g / (1 + exp(-g)) * (up[t, c] + up_bias[c]), retained channels c
//           where g = gate[t, c] + gate_bias[c]
// Source    Shazeer 2020, arXiv:2002.05202, SwiGLU
// Shapes    gate, up [T, stride] elements, the first `channels` columns of each row;
//           gate_bias, up_bias [channels] F32, or NULL
// Types     in F32, rounded once, clamped to finite elements
// Floor     6 bytes a token and retained channel: 4 read, 2 written; biases stay in the cache
// Launch    one-dimensional, block 256; consecutive blocks go along a token's retained channels; a
//           thread owns 8 channels (1, where stride or channels is no multiple of 8)
// Aliasing  gate is updated in place, each element by the thread that read it

#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kThreads = 256;

// __expf is wrong by at most 2^-22 + |g| * 2^-23, relative; an element's rounding is 2^-12 or more.
__device__ float gated(float g, float up) { return __fdividef(g, 1.0f + __expf(-g)) * up; }

// y[i] = x[i] + bias[channel + i]
template <typename E, int kWidth>
__device__ void add_bias(float (&y)[kWidth], const Piece<E, kWidth> &x, const float *bias,
                         int channel) {
  constexpr int kRead = kWidth < 4 ? kWidth : 4;  // floats of one instruction
  for (int i = 0; i < kWidth; i += kRead) {
    Piece<float, kRead> addend{};
    if (bias != nullptr) addend = load<kRead>(bias + channel + i);
    for (int j = 0; j < kRead; j++) y[i + j] = to_float(x.value[i + j]) + addend.value[j];
  }
}

template <typename E, int kWidth>
__global__ void __launch_bounds__(kThreads)
    swiglu(E *gate, const E *up, const float *gate_bias, const float *up_bias, int64_t stride,
           int channels, int token_blocks, const int32_t *units, int unit_rows) {
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
  float gates[kWidth];
  float ups[kWidth];
  add_bias(gates, load<kWidth>(gate + at), gate_bias, channel);
  add_bias(ups, load<kWidth>(up + at), up_bias, channel);
  Piece<E, kWidth> out;
  for (int i = 0; i < kWidth; i++) out.value[i] = finite_element<E>(gated(gates[i], ups[i]));
  store(gate + at, out);
}

template <typename E, int kWidth>
int launch(cudaStream_t stream, E *gate, const E *up, const float *gate_bias, const float *up_bias,
           int64_t stride, int tokens, int channels, const int32_t *units, int unit_rows) {
  const int64_t columns = units == nullptr ? channels : ceil_div(channels, unit_rows) * unit_rows;
  const int64_t token_blocks = ceil_div(columns, kThreads * kWidth);
  if (columns > INT32_MAX || !fits_grid(token_blocks * tokens)) return RAP_CUDA_BAD_ARGUMENT;
  if (token_blocks * tokens == 0) return RAP_CUDA_OK;
  swiglu<E, kWidth><<<token_blocks * tokens, kThreads, 0, stream>>>(
      gate, up, gate_bias, up_bias, stride, channels, token_blocks, units, unit_rows);
  return cudaGetLastError();
}

}  // namespace

int rap_cuda_swiglu(void *stream, int type, void *gate, const void *up, const float *gate_bias,
                    const float *up_bias, int64_t stride, int tokens, int channels,
                    const int32_t *units, int unit_rows) {
  if (tokens < 0 || channels < 0 || stride < channels) return RAP_CUDA_BAD_ARGUMENT;
  if (units != nullptr && (unit_rows < 16 || unit_rows % 16 != 0)) return RAP_CUDA_BAD_ARGUMENT;
  return for_element(type, [&](auto zero) -> int {
    using E = decltype(zero);
    const bool pieces = stride % 8 == 0 && channels % 8 == 0;
    return (pieces ? launch<E, 8> : launch<E, 1>)(
        to_stream(stream), static_cast<E *>(gate), static_cast<const E *>(up), gate_bias, up_bias,
        stride, tokens, channels, units, unit_rows);
  });
}
