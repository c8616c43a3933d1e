// rope_store.cu: from the qkv product to rotated queries, and keys and values in their slots.
//
// Math      a pair (a, b) of a head at angle w: a cos w - b sin w, b cos w + a sin w
// Source    Su et al. 2021, arXiv:2104.09864, eq. 34; pairs 2i, 2i + 1 (interleaved) or i, i + Dh/2
// Shapes    qkv [T, stride], by head group: G * Dh queries, Dh key, Dh value elements
//           bias [K * (G + 2) * Dh] F32, cos_sin [positions, Dh] F32, positions and slots [T]
//           kv [blocks, R, 2, block_size, Dh] elements, R the retained groups
// Types     rotated in F32, rounded once
// Floor     4 (G + 2) Dh bytes a token and group: each element read once and written once
// Launch    grid (T, K), a block for each token and retained group; a thread owns 16 elements of
//           one query or key head, 8 pairs in either pairing, or 8 of the value head
// Requires  Dh a multiple of 16, stride a multiple of 8, at most 1024 threads for a group
// Padding   position -1: nothing is read or written; slot -1: keys and values are not stored

#include "launch.cuh"
#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kVector = 8;  // elements of one 16-byte access

struct Shape {
  int group_heads;
  int head_size;
  int64_t stride;  // of qkv
  int block_size;

  __host__ __device__ int head_threads() const { return head_size / (2 * kVector); }
  __host__ __device__ int rotating_threads() const { return (group_heads + 1) * head_threads(); }
  __host__ __device__ int threads() const { return rotating_threads() + head_size / kVector; }
};

struct Floats {
  float value[kVector];
};

__device__ Floats load_floats(const float *from) {
  const auto low = load<kVector / 2>(from);
  const auto high = load<kVector / 2>(from + kVector / 2);
  Floats out;
  for (int i = 0; i < kVector / 2; i++) {
    out.value[i] = low.value[i];
    out.value[kVector / 2 + i] = high.value[i];
  }
  return out;
}

// x[0 .. 8) = row[column ...) + bias[column ...)
template <typename E>
__device__ void load_biased(float *x, const E *row, const float *bias, int column) {
  const auto in = load<kVector>(row + column);
  const Floats addend = bias == nullptr ? Floats{} : load_floats(bias + column);
  for (int i = 0; i < kVector; i++) x[i] = to_float(in.value[i]) + addend.value[i];
}

template <typename E>
__device__ void store_rounded(E *to, const float *x) {
  Piece<E, kVector> out;
  for (int i = 0; i < kVector; i++) out.value[i] = finite_element<E>(x[i]);
  store(to, out);
}

// Turns 8 pairs of x, which has 16 consecutive elements, or 8 from each half.
template <bool kInterleaved>
__device__ void rotate(float *x, const Floats &cosines, const Floats &sines) {
#pragma unroll
  for (int pair = 0; pair < kVector; pair++) {
    float &a = x[kInterleaved ? 2 * pair : pair];
    float &b = x[kInterleaved ? 2 * pair + 1 : pair + kVector];
    const float turned = a * cosines.value[pair] - b * sines.value[pair];
    b = b * cosines.value[pair] + a * sines.value[pair];
    a = turned;
  }
}

template <typename E, bool kInterleaved>
__global__ void rope_store(E *qkv, const float *bias, Shape shape, const float *cos_sin,
                           const int32_t *positions, const int32_t *slots, E *kv,
                           const int32_t *units) {
  let_next_start();
  wait_for_previous();
  const int64_t token = blockIdx.x;
  const int rank = blockIdx.y;
  const int retained = units == nullptr ? gridDim.y : units[0];
  if (rank >= retained) return;
  const int group = units == nullptr ? rank : units[1 + rank];
  const int32_t position = positions[token];
  if (position < 0 || threadIdx.x >= shape.threads()) return;
  const int32_t slot = slots[token];

  const int head_size = shape.head_size;
  const int group_column = group * (shape.group_heads + 2) * head_size;
  const int block = slot / shape.block_size;
  const int64_t keys = 2 * (static_cast<int64_t>(block) * retained + rank);  // of halves of blocks
  E *key = kv + (keys * shape.block_size + slot % shape.block_size) * head_size;  // [Dh]
  E *row = qkv + token * shape.stride;  // [stride]

  if (threadIdx.x >= shape.rotating_threads()) {
    if (slot < 0) return;
    const int element = (threadIdx.x - shape.rotating_threads()) * kVector;
    float x[kVector];
    load_biased(x, row, bias, group_column + (shape.group_heads + 1) * head_size + element);
    store_rounded(key + shape.block_size * head_size + element, x);
    return;
  }

  const int head = threadIdx.x / shape.head_threads();
  const int first_pair = threadIdx.x % shape.head_threads() * kVector;
  const int first = kInterleaved ? 2 * first_pair : first_pair;
  const int second = kInterleaved ? first + kVector : first + head_size / 2;
  const int column = group_column + head * head_size;
  float x[2 * kVector];
  load_biased(x, row, bias, column + first);
  load_biased(x + kVector, row, bias, column + second);
  const float *angles = cos_sin + static_cast<int64_t>(position) * head_size + first_pair;
  rotate<kInterleaved>(x, load_floats(angles), load_floats(angles + head_size / 2));

  const bool is_key = head == shape.group_heads;
  if (is_key && slot < 0) return;
  E *to = is_key ? key : row + column;  // [Dh]
  store_rounded(to + first, x);
  store_rounded(to + second, x + kVector);
}

}  // namespace

int rap_cuda_rope_store(void *stream, int type, void *qkv, int64_t qkv_stride, const float *bias,
                        int tokens, int groups, int group_heads, int head_size,
                        const float *cos_sin, int interleaved, const int32_t *positions,
                        const int32_t *slots, void *kv, int block_size, const int32_t *units) {
  const Shape shape{group_heads, head_size, qkv_stride, block_size};
  if (tokens < 0 || groups < 1 || groups > 65535 || group_heads < 1 || head_size < 16 ||
      head_size % 16 != 0 || qkv_stride % kVector != 0 || shape.threads() > kMaxBlock ||
      block_size < 1 ||
      2 * static_cast<int64_t>(groups) * block_size * head_size > INT32_MAX) {
    return RAP_CUDA_BAD_ARGUMENT;
  }
  return for_element(type, [&](auto zero) -> int {
    using E = decltype(zero);
    if (tokens == 0) return RAP_CUDA_OK;
    const int threads = ceil_div(shape.threads(), kWarp) * kWarp;
    const dim3 grid(tokens, groups);
    E *rows = static_cast<E *>(qkv);
    E *cache = static_cast<E *>(kv);
    return interleaved != 0
               ? enqueue<rope_store<E, true>>(stream, grid, threads, 0, rows, bias, shape, cos_sin,
                                              positions, slots, cache, units)
               : enqueue<rope_store<E, false>>(stream, grid, threads, 0, rows, bias, shape,
                                               cos_sin, positions, slots, cache, units);
  });
}
