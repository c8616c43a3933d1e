// convert.cu: from a tensor of a model file to rows of elements, where the kernels want them.
//
// Math      row r of the stored matrix (column r, where it is transposed) becomes row
//           r / run * run_stride + r % run of y
// Shapes    x [rows, columns] in ggml's layouts: F32, F16, BF16, and in blocks of 32 elements
//           Q8_0 (f16 d, int8 q[32]: d * q), Q4_0 (f16 d, 16 bytes: d * (nibble - 8)) and Q4_1
//           (f16 d, f16 m, 16 bytes: d * nibble + m); the low nibble of byte j is element j, the
//           high one element j + 16
//           y [., y_columns] elements
// Types     in F32, exact but for one rounding of Q4_1's sum; rounded once more to an element,
//           clamped to finite ones
// Floor     the stored bytes read once, 2 bytes an element written
// Launch    block 256; a thread decodes 8 consecutive elements of a stored row. As stored: they are
//           its 16 bytes of y. Transposed: a block turns a tile of 64 x 64 in shared memory and
//           writes 128 consecutive bytes of each of 64 rows of y
// Shared    8.3 KiB where transposed
// Requires  columns a multiple of 8, and of a block's 32; y_columns a multiple of 8; less than 2^31
//           pieces of 8 elements, rows and columns

#include "scalar.cuh"

namespace {

using namespace rap;

constexpr int kThreads = 256;
constexpr int kVector = 8;
constexpr int kTile = 64;
constexpr int kBlockElements = 32;

using Bytes = const unsigned char *;

struct Floats {
  float value[kVector];
};

__device__ float half_at(Bytes at) { return __half2float(*reinterpret_cast<const __half *>(at)); }

// 8 bytes at an even address, as blocks have no better alignment.
struct EightBytes {
  uint16_t pairs[4];

  __device__ explicit EightBytes(Bytes at) {
    for (int i = 0; i < 4; i++) pairs[i] = reinterpret_cast<const uint16_t *>(at)[i];
  }

  __device__ int operator[](int i) const { return pairs[i / 2] >> i % 2 * 8 & 0xff; }
};

// A storage type: the bytes of a row, and 8 of its elements from `column`, a multiple of 8.
struct StoredF32 {
  static int64_t row_bytes(int64_t columns) { return 4 * columns; }

  static __device__ Floats decode(Bytes row, int column) {
    const float *at = reinterpret_cast<const float *>(row) + column;
    Floats out;
    for (int i = 0; i < kVector; i += 4) {
      const auto in = load<4>(at + i);
      for (int j = 0; j < 4; j++) out.value[i + j] = in.value[j];
    }
    return out;
  }
};

template <typename E>
struct StoredPlain {
  static int64_t row_bytes(int64_t columns) { return 2 * columns; }

  static __device__ Floats decode(Bytes row, int column) {
    const auto in = load<kVector>(reinterpret_cast<const E *>(row) + column);
    Floats out;
    for (int i = 0; i < kVector; i++) out.value[i] = to_float(in.value[i]);
    return out;
  }
};

struct StoredQ8 {
  static constexpr int kBytes = 34;  // of a block

  static int64_t row_bytes(int64_t columns) { return columns / kBlockElements * kBytes; }

  static __device__ Floats decode(Bytes row, int column) {
    const Bytes block = row + static_cast<int64_t>(column / kBlockElements) * kBytes;
    const float d = half_at(block);
    const EightBytes q(block + 2 + column % kBlockElements);
    Floats out;
    for (int i = 0; i < kVector; i++) out.value[i] = d * static_cast<int8_t>(q[i]);
    return out;
  }
};

template <bool kHasMinimum>
struct StoredQ4 {
  static constexpr int kHeader = kHasMinimum ? 4 : 2;
  static constexpr int kBytes = kHeader + kBlockElements / 2;  // of a block

  static int64_t row_bytes(int64_t columns) { return columns / kBlockElements * kBytes; }

  static __device__ Floats decode(Bytes row, int column) {
    const Bytes block = row + static_cast<int64_t>(column / kBlockElements) * kBytes;
    const float d = half_at(block);
    const float m = kHasMinimum ? half_at(block + 2) : -8 * d;
    const EightBytes nibbles(block + kHeader + column % (kBlockElements / 2));
    const int shift = column % kBlockElements < kBlockElements / 2 ? 0 : 4;
    Floats out;
    for (int i = 0; i < kVector; i++) out.value[i] = fmaf(d, nibbles[i] >> shift & 15, m);
    return out;
  }
};

struct Matrix {
  Bytes data;  // from first_row on
  int64_t row_bytes;
  int rows;  // of data
  int columns;
  int64_t first_row;
};

struct Target {
  int64_t columns;
  uint32_t run;
  int64_t run_stride;

  // The first element of the row of y that the stored row or column r becomes.
  __device__ int64_t row(uint32_t r) const { return (r / run * run_stride + r % run) * columns; }
};

template <typename E, typename Stored>
__global__ void __launch_bounds__(kThreads) convert(E *y, Target target, Matrix x) {
  const uint32_t row_pieces = x.columns / kVector;
  const uint32_t piece = blockIdx.x * kThreads + threadIdx.x;
  const uint32_t row = piece / row_pieces;
  if (row >= x.rows) return;
  const int column = piece % row_pieces * kVector;
  const Floats in = Stored::decode(x.data + row * x.row_bytes, column);
  Piece<E, kVector> out;
  for (int i = 0; i < kVector; i++) out.value[i] = finite_element<E>(in.value[i]);
  store(y + target.row(x.first_row + row) + column, out);
}

template <typename E, typename Stored>
__global__ void __launch_bounds__(kThreads) convert_transposed(E *y, Target target, Matrix x) {
  constexpr int kAcross = kTile / kVector;  // pieces of a row of the tile
  // By stored column. Rows of 33 words: the reads below hit 32 banks, the writes 16.
  __shared__ alignas(4) E tile[kTile][kTile + 2];
  const int tile_row = blockIdx.y * kTile;
  const int tile_column = blockIdx.x * kTile;

  for (int i = threadIdx.x; i < kTile * kAcross; i += kThreads) {
    const int row = i / kAcross;
    const int column = i % kAcross * kVector;
    if (tile_row + row >= x.rows || tile_column + column >= x.columns) continue;
    const Floats in = Stored::decode(x.data + (tile_row + row) * x.row_bytes, tile_column + column);
    for (int j = 0; j < kVector; j++) tile[column + j][row] = finite_element<E>(in.value[j]);
  }
  __syncthreads();

  for (int i = threadIdx.x; i < kTile * kAcross; i += kThreads) {
    const int column = i / kAcross;
    const int row = i % kAcross * kVector;
    const int rows = min(kVector, x.rows - tile_row - row);
    if (rows <= 0 || tile_column + column >= x.columns) continue;
    Piece<E, kVector> out;
    for (int j = 0; j < kVector; j += 2) {
      const auto pair = load<2>(&tile[column][row + j]);
      out.value[j] = pair.value[0];
      out.value[j + 1] = pair.value[1];
    }
    E *to = y + target.row(tile_column + column) + x.first_row + tile_row + row;
    if (rows == kVector && x.first_row % kVector == 0) {
      store(to, out);
    } else {
      for (int j = 0; j < kVector; j++) {
        if (j < rows) to[j] = out.value[j];
      }
    }
  }
}

template <typename E, typename Stored>
int launch(cudaStream_t stream, E *y, const Target &target, Matrix x, bool transpose) {
  x.row_bytes = Stored::row_bytes(x.columns);
  if (x.rows == 0 || x.columns == 0) return RAP_CUDA_OK;
  if (transpose) {
    const dim3 grid(ceil_div(x.columns, kTile), ceil_div(x.rows, kTile));
    if (grid.y > 65535) return RAP_CUDA_BAD_ARGUMENT;
    convert_transposed<E, Stored><<<grid, kThreads, 0, stream>>>(y, target, x);
  } else {
    const int64_t pieces = static_cast<int64_t>(x.rows) * (x.columns / kVector);
    if (pieces > INT32_MAX - kThreads) return RAP_CUDA_BAD_ARGUMENT;
    convert<E, Stored><<<ceil_div(pieces, kThreads), kThreads, 0, stream>>>(y, target, x);
  }
  return cudaGetLastError();
}

template <typename E>
int launch_stored(int stored, cudaStream_t stream, E *y, const Target &target, const Matrix &x,
                  bool transpose) {
  if (stored != RAP_CUDA_STORED_F32 && stored != RAP_CUDA_STORED_F16 &&
      stored != RAP_CUDA_STORED_BF16 && x.columns % kBlockElements != 0) {
    return RAP_CUDA_BAD_ARGUMENT;
  }
  switch (stored) {
    case RAP_CUDA_STORED_F32:
      return launch<E, StoredF32>(stream, y, target, x, transpose);
    case RAP_CUDA_STORED_F16:
      return launch<E, StoredPlain<__half>>(stream, y, target, x, transpose);
    case RAP_CUDA_STORED_BF16:
      return launch<E, StoredPlain<__nv_bfloat16>>(stream, y, target, x, transpose);
    case RAP_CUDA_STORED_Q8_0:
      return launch<E, StoredQ8>(stream, y, target, x, transpose);
    case RAP_CUDA_STORED_Q4_0:
      return launch<E, StoredQ4<false>>(stream, y, target, x, transpose);
    case RAP_CUDA_STORED_Q4_1:
      return launch<E, StoredQ4<true>>(stream, y, target, x, transpose);
    default:
      return RAP_CUDA_BAD_ARGUMENT;
  }
}

}  // namespace

int rap_cuda_convert(void *stream, int type, void *y, int64_t y_columns, int64_t run,
                     int64_t run_stride, const void *x, int stored, int64_t first_row, int64_t rows,
                     int64_t columns, int transpose) {
  if (first_row < 0 || rows < 0 || first_row + rows > INT32_MAX || columns < 0 ||
      columns > INT32_MAX || columns % kVector != 0 || y_columns % kVector != 0 || run < 1 ||
      y_columns < (transpose != 0 ? first_row + rows : columns)) {
    return RAP_CUDA_BAD_ARGUMENT;
  }
  // A run beyond all rows is as good as one of INT32_MAX.
  const Target target{y_columns, static_cast<uint32_t>(run < INT32_MAX ? run : INT32_MAX),
                      run_stride};
  const Matrix matrix{static_cast<Bytes>(x), 0, static_cast<int>(rows), static_cast<int>(columns),
                      first_row};
  return for_element(type, [&](auto zero) -> int {
    using E = decltype(zero);
    return launch_stored(stored, to_stream(stream), static_cast<E *>(y), target, matrix,
                         transpose != 0);
  });
}
