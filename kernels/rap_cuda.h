// RAP's CUDA kernels. Plain C: usable from C, C++, Python and Java.
//
// Letters: T tokens of the step, S sequences, D hidden size, F feed-forward size, H query heads,
// K KV heads (head groups), G = H / K, Dh head size, V vocabulary.
//
// Pointers are device memory unless their comment says host, and 16-byte aligned. Shapes are in
// brackets, rows consecutive. "element" is F16 or BF16, as `type` says; sums are F32. Every function
// queues its work on `stream` (a CUstream or cudaStream_t) of the calling thread's current device
// and returns without waiting: RAP_CUDA_OK, RAP_CUDA_BAD_ARGUMENT with nothing queued, or the
// positive cudaError_t of the launch. All of them may be captured into a CUDA graph.
//
// Weights. All matrices of a decoder layer are stored by unit row, D elements each: the row of an
// input projection is an output (query, key, value, gate, up), the row of an output projection is
// an input (attention output and down are stored transposed). The qkv matrix is ordered by head
// group: the G * Dh query rows of group 0, its Dh key rows, its Dh value rows, then group 1.
//
// Units. What a retention mask keeps of a sublayer is an int32 table in device memory: the count of
// retained units, then their indices, ascending. Unit u is rows [u * unit_rows, (u + 1) *
// unit_rows) of a matrix, as far as the matrix goes; unit_rows is a multiple of 16. A table that is
// NULL retains all. Kernels read the table when they run, so one CUDA graph serves every mask; the
// rows and columns of other units are neither read nor written.
#ifndef RAP_CUDA_H
#define RAP_CUDA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RAP_CUDA_ABI_VERSION 4

enum rap_cuda_status { RAP_CUDA_OK = 0, RAP_CUDA_BAD_ARGUMENT = -1 };

// Of elements.
enum rap_cuda_type { RAP_CUDA_F16 = 0, RAP_CUDA_BF16 = 1 };

// Of tensors in model files: ggml's numbers.
enum rap_cuda_stored {
  RAP_CUDA_STORED_F32 = 0,
  RAP_CUDA_STORED_F16 = 1,
  RAP_CUDA_STORED_Q4_0 = 2,
  RAP_CUDA_STORED_Q4_1 = 3,
  RAP_CUDA_STORED_Q8_0 = 8,
  RAP_CUDA_STORED_BF16 = 30
};

// Most tokens of rap_cuda_rows, rap_cuda_gated_rows and rap_cuda_accumulate.
#define RAP_CUDA_FEW_TOKENS 64

// int: RAP_CUDA_ABI_VERSION of the library.
int rap_cuda_abi_version(void);

// A static string, host: compiler, architectures. For people.
const char *rap_cuda_build_info(void);

// A static string, host: what a positive status means.
const char *rap_cuda_error_text(int status);

// Whether the current device can run these kernels: RAP_CUDA_OK, or why not. By CUDA's default each
// kernel is loaded when it is first launched: launch once before measuring or capturing. With
// CUDA_MODULE_LOADING=EAGER in the environment all are loaded here.
int rap_cuda_prepare(void);

// ---------------------------------------------------------------------------------------------
// Products with few tokens, bound by reading weights. T in [1, RAP_CUDA_FEW_TOKENS], D a multiple
// of 64. Deterministic: the same inputs give the same bits, whatever else runs.

// y[t, r] = x[t, :] . w[r, :] for retained rows r.
//   y  [T, y_stride] elements, or F32 where y_f32 is not 0
//   x  [T, x_stride] elements
//   w  [rows, D] elements
int rap_cuda_rows(void *stream, int type, void *y, int64_t y_stride, int y_f32, const void *x,
                  int64_t x_stride, int tokens, const void *w, int rows, int d,
                  const int32_t *units, int unit_rows);

// y[t, r] = silu(gate[r, :] . x[t, :] + gate_bias[r]) * (up[r, :] . x[t, :] + up_bias[r]) for
// retained rows r, clamped to finite elements.
//   y                   [T, y_stride] elements
//   gate, up            [rows, D] elements
//   gate_bias, up_bias  F32 [rows], or NULL
int rap_cuda_gated_rows(void *stream, int type, void *y, int64_t y_stride, const void *x,
                        int64_t x_stride, int tokens, const void *gate, const void *up,
                        const float *gate_bias, const float *up_bias, int rows, int d,
                        const int32_t *units, int unit_rows);

// y[t, :] += addend[:] + sum over retained rows r of x[t, r] * w[r, :].
//   y       [T, D] F32
//   x       [T, x_stride] elements; those of other rows are not read
//   w       [rows, D] elements
//   addend  [D] F32, or NULL
//   scratch at least rap_cuda_accumulate_scratch(tokens, d) bytes, all zero before the first use;
//           the kernel leaves them fit for the next
int rap_cuda_accumulate(void *stream, int type, float *y, const void *x, int64_t x_stride,
                        int tokens, const void *w, int rows, int d, const int32_t *units,
                        int unit_rows, const float *addend, void *scratch);
int64_t rap_cuda_accumulate_scratch(int tokens, int d);

// ---------------------------------------------------------------------------------------------
// The paged KV cache. Keys and values of a layer are one array of KvBlocks, in which only retained
// head groups have a place:
//   kv [blocks, R, 2, block_size, Dh] elements: R of `units` (K where it is NULL), of which the
//      i-th has place i; keys, then values
// A slot is block * block_size + row. Token p of sequence s has row p % block_size of block
// tables[s, p / block_size]. R * 2 * block_size * Dh is less than 2^31 where R is K. What is
// cached means nothing under other units: rap_cuda_pick_groups brings it to their layout.

// Attention. block_size is a multiple of 16.
// Queries are read from the qkv matrix product [T, qkv_stride]: head j of group g at column
// g * (G + 2) * Dh + j * Dh. Output head g * G + j of y [T, y_stride] at column (g * G + j) * Dh.
// y[t, h] = sum over p <= position of softmax(q . key[p] / sqrt(Dh)) * value[p]. G in [1, 16],
// Dh in {32, 64, 96, 128}. Where present[s, g] is 0 (bytes [S, K]) the heads of group g are zeros
// and its cache is not read. Groups that `units` does not retain are neither read nor written.

// One token of each sequence: token s is at position positions[s] of sequence s; -1 is padding,
// of which nothing but `present` is read and y is zeros.
//   scratch at least rap_cuda_attention_scratch(sequences, K, G, Dh) bytes, all zero before the
//           first use; the kernel leaves them fit for the next
int rap_cuda_attention_one(void *stream, int type, void *y, int64_t y_stride, const void *qkv,
                           int64_t qkv_stride, int groups, int group_heads, int head_size,
                           const void *kv, const int32_t *positions, const int32_t *tables,
                           int table_stride, int block_size, const uint8_t *present, int sequences,
                           const int32_t *units, void *scratch);
int64_t rap_cuda_attention_scratch(int sequences, int groups, int group_heads, int head_size);

// Most tokens of a tile of rap_cuda_attention_many.
#define RAP_CUDA_TILE_TOKENS 64

// Many consecutive tokens of each sequence, in tiles.
//   tiles [tiles, 4] int32: sequence, first token of the step, tokens (at most
//         RAP_CUDA_TILE_TOKENS), position of the first token. The keys and values of all of them
//         are in the cache.
int rap_cuda_attention_many(void *stream, int type, void *y, int64_t y_stride, const void *qkv,
                            int64_t qkv_stride, int groups, int group_heads, int head_size,
                            const void *kv, const int32_t *tiles, int tile_count,
                            const int32_t *tables, int table_stride, int block_size,
                            const uint8_t *present, const int32_t *units);

// Brings page-locked host memory to the device without the copy engine.
//   y, x [bytes], bytes a multiple of 16; x as it is when the kernel runs
int rap_cuda_fetch(void *stream, void *y, const void *x, int64_t bytes);

// Copies blocks of an array, KvBlocks of a layer or units of a matrix: pairs int32 [count, 2], from
// and to. No block is the target of one pair and part of another.
//   x [blocks, block_bytes], block_bytes a multiple of 16
int rap_cuda_copy_blocks(void *stream, void *x, int64_t block_bytes, const int32_t *pairs,
                         int count);

// Head groups of KvBlocks in another layout: y[b, i] = x[b, ranks[i]] where ranks[i] is not
// negative; others of y are left as they are.
//   y     [blocks, y_groups, 2, block_size, Dh] elements, not overlapping x
//   x     [blocks, x_groups, 2, block_size, Dh] elements
//   ranks int32 [y_groups]: places in x
//   block_size * Dh a multiple of 4, and less than 2^33 / blocks
int rap_cuda_pick_groups(void *stream, int type, void *y, int y_groups, const void *x,
                         int x_groups, const int32_t *ranks, int blocks, int head_size,
                         int block_size);

// ---------------------------------------------------------------------------------------------
// The rest of a step, deterministic. A token of -1 in `tokens`, or a position of -1, is padding. D
// is a multiple of 64. Where a count of tokens, rows or pairs is 0, there is nothing to do.

// y[t, :] = table[tokens[t], :]; zeros for padding.
//   y F32 [T, D], table [V, D] elements, tokens int32 [T]
int rap_cuda_embed(void *stream, int type, float *y, const void *table, const int32_t *tokens,
                   int count, int d);

// y[t, :] = x[r, :] * weight / sqrt(mean(x[r, :]^2) + eps), r = rows == NULL ? t : rows[t].
//   y [T, D] elements, x F32 [., D], weight F32 [D], rows int32 [T]; D at most 16384
int rap_cuda_rms_norm(void *stream, int type, void *y, const float *x, const float *weight,
                      const int32_t *rows, int tokens, int d, float eps);

// Adds the bias, rotates queries in place and keys by the angles of their position, and writes
// keys and values into their slots.
//   qkv        [T, qkv_stride] elements, ordered as in rap_cuda_rows of the qkv matrix
//   bias       F32 [K * (G + 2) * Dh], or NULL
//   cos_sin    F32 [positions, Dh]: Dh / 2 cosines, then as many sines
//   interleaved 1: elements 2i and 2i + 1 turn together; 0: i and i + Dh / 2
//   positions, slots int32 [T]; padding is left as it is, and a slot of -1 stores nothing
//   qkv_stride a multiple of 8, Dh a multiple of 16
int rap_cuda_rope_store(void *stream, int type, void *qkv, int64_t qkv_stride, const float *bias,
                        int tokens, int groups, int group_heads, int head_size,
                        const float *cos_sin, int interleaved, const int32_t *positions,
                        const int32_t *slots, void *kv, int block_size, const int32_t *units);

// gate[t, c] = silu(gate[t, c] + gate_bias[c]) * (up[t, c] + up_bias[c]) for retained channels,
// clamped to finite elements.
//   gate, up            [T, stride] elements
//   gate_bias, up_bias  F32 [channels], or NULL
int rap_cuda_swiglu(void *stream, int type, void *gate, const void *up, const float *gate_bias,
                    const float *up_bias, int64_t stride, int tokens, int channels,
                    const int32_t *units, int unit_rows);

// y[t, :] += row[:], F32 [T, D] and [D].
int rap_cuda_add_row(void *stream, float *y, const float *row, int tokens, int d);

// sums[c] += sum over t of x[t, c], F64 [columns]; x [T, stride] elements.
int rap_cuda_column_sums(void *stream, int type, double *sums, const void *x, int64_t stride,
                         int tokens, int columns);

// y[i] = the first index of the greatest of logits[i, :]; NaN counts as least.
//   y int32 [rows], logits F32 [rows, V]
int rap_cuda_argmax(void *stream, int32_t *y, const float *logits, int rows, int vocabulary);

// How one row is drawn; the order and meaning of dev.rap.engine.SamplingOptions.
struct rap_cuda_draw {
  float temperature; // 0: the greatest
  int32_t top_k;     // 0: all
  float top_p;       // 1: all
  float min_p;       // 0: all
  double uniform;    // in [0, 1)
};

// y[i] = a token drawn from softmax(logits[i, :] / temperature) among those that top_k, top_p and
// min_p leave, by the inverse of the cumulative distribution at `uniform` of the tokens in order of
// falling probability (of index, where all are left). logits are overwritten.
//   draws [rows]; V at most 262144
int rap_cuda_sample(void *stream, int32_t *y, float *logits, int rows, int vocabulary,
                    const struct rap_cuda_draw *draws);

// y[i] = logits[i, targets[i]] - log(sum over v of exp(logits[i, v])), F64 [rows]; NaN where a
// target is no token.
int rap_cuda_log_probs(void *stream, double *y, const float *logits, int rows, int vocabulary,
                       const int32_t *targets);

// ---------------------------------------------------------------------------------------------
// Loading.

// Makes elements of a stored matrix, [rows, columns] in the file's row-major layout. Row r of it
// (column r, where transpose is not 0) becomes row r / run * run_stride + r % run of y, whose rows
// have y_columns elements: columns, or rows where it is transposed. Values that elements cannot
// hold are clamped to finite ones.
//   x  stored rows [first_row, first_row + rows) of the matrix
//   where transpose is not 0, stored row i is column first_row + i of y
//   columns and y_columns multiples of 8; of all, less than 2^31 rows, and so many columns
int rap_cuda_convert(void *stream, int type, void *y, int64_t y_columns, int64_t run,
                     int64_t run_stride, const void *x, int stored, int64_t first_row, int64_t rows,
                     int64_t columns, int transpose);

// ---------------------------------------------------------------------------------------------
// Reads all bytes and does nothing else: the ceiling that other kernels are measured against.
//   bytes a multiple of 16; sink 16 bytes
int rap_cuda_read(void *stream, const void *x, int64_t bytes, void *sink);

#ifdef __cplusplus
}
#endif

#endif
