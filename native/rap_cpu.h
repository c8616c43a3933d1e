// rap_cpu.h: the operations of a decoder layer under a retention mask, on x86-64 processors.
//
// This is the whole interface of librap_cpu.so; dev.rap.kernels.NativeKernels binds it, and
// dev.rap.kernels.Kernels says what each operation computes. Its oracle is
// dev.rap.kernels.reference.ReferenceKernels.
//
// Letters   T tokens in the step, S sequences, D hidden size, F feed-forward size, H query heads,
//           K KV heads, Dh head size, V vocabulary.
// Layout    Activations are float32, row-major; a stride is the distance between rows in elements.
//           Weights are rows of ggml's types, without gaps; any alignment will do.
// Ranges    int32 pairs of start and end, disjoint and ascending, `count` pairs. What lies outside
//           of them is neither read nor written, but for the rest of a block of 256 elements.
//           For block types, column bounds are multiples of 32 or the end of the row.
// Threads   A team has one caller at a time, which is its member 0. Operations have finished when
//           they return.
// Types     Sums are float32. From RAP_ISA_AVX2 on, activations that meet block types are rounded
//           to 8 bits with one scale for 32 of them; from RAP_ISA_AVX512_BF16 on, many that meet
//           BF16 are rounded to bf16.
// Errors    0 is success; see enum rap_status.

#ifndef RAP_CPU_H
#define RAP_CPU_H

#include <stddef.h>
#include <stdint.h>

// Changes whenever a signature or its meaning does. dev.rap.natives.OwnLibrary is its pair.
#define RAP_ABI_VERSION 5

enum rap_status {
  RAP_OK = 0,
  RAP_NO_MEMORY = 1,   // scratch space could not be allocated; nothing was computed
  RAP_BAD_INDEX = 2,   // a token, a target or a slot is outside of its table
  RAP_BAD_DTYPE = 3,   // not one of enum rap_dtype
};

// ggml's numbers.
enum rap_dtype {
  RAP_F32 = 0,
  RAP_F16 = 1,
  RAP_Q4_0 = 2,
  RAP_Q4_1 = 3,
  RAP_Q5_0 = 6,
  RAP_Q5_1 = 7,
  RAP_Q8_0 = 8,
  RAP_Q2_K = 10,
  RAP_Q3_K = 11,
  RAP_Q4_K = 12,
  RAP_Q5_K = 13,
  RAP_Q6_K = 14,
  RAP_BF16 = 30,
};

// What a gate goes through.
enum rap_activation {
  RAP_SILU = 0,       // x / (1 + exp(-x))
  RAP_GELU_TANH = 1,  // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
};

// Instruction sets, each a superset of the one before.
enum rap_isa {
  RAP_ISA_BASELINE = 0,     // x86-64: SSE2
  RAP_ISA_AVX2 = 1,         // AVX2, FMA, F16C
  RAP_ISA_AVX512 = 2,       // AVX-512 F, BW, DQ, VL, VNNI
  RAP_ISA_AVX512_BF16 = 3,  // the same with AVX512_BF16
};

typedef struct rap_team rap_team;

// The version of this interface that the library was built with.
int rap_abi_version(void);

// The best enum rap_isa that this processor and its operating system support.
int rap_best_isa(void);

// A team of `members` threads whose operations use instruction set `isa`, at most rap_best_isa().
// NULL if there is no memory for it. Until they arrive in rap_team_work, the caller works alone.
rap_team* rap_team_new(int members, int isa);

// Works as member 1 ... members - 1 of the team until it is closed. To be called once a member,
// each on a thread of its own. An idle member spins for some tens of microseconds, then sleeps.
void rap_team_work(rap_team* team, int member);

// Makes rap_team_work return.
void rap_team_close(rap_team* team);

// Frees a closed team, after every rap_team_work has returned.
void rap_team_free(rap_team* team);

// Bytes of scratch space that the team holds now; it grows with the largest operation so far.
int64_t rap_team_scratch(const rap_team* team);

// y[i] = row tokens[i] of table.   y [count, columns]   table [table_rows, columns]
int rap_embed(rap_team* team, float* y, int dtype, const void* table, int64_t table_rows,
              int64_t columns, const int32_t* tokens, int count);

// y = (accumulate ? y : 0) + x * weight / sqrt(mean(x^2) + eps), each run of `size` elements of the
// columns by itself.   y, x [tokens, stride]; y may be x unless it accumulates   weight [size]
int rap_rms_norm(rap_team* team, float* y, const float* x, int64_t stride, int tokens,
                 const float* weight, int64_t size, float eps, const int32_t* columns,
                 int column_ranges, int accumulate);

// x *= factor.   x [rows, columns]
int rap_scale(rap_team* team, float* x, int rows, int64_t columns, float factor);

// x = cap * tanh(x / cap), cap > 0.   x [rows, columns]
int rap_soft_cap(rap_team* team, float* x, int rows, int64_t columns, float cap);

// x = x * factor + addend, `rounds` times: arithmetic that waits for no memory, to see how fast it
// can be.   x [elements]
int rap_multiply_adds(rap_team* team, float* x, int elements, float factor, float addend,
                      int rounds);

// y[t, r] = (accumulate ? y[t, r] : 0) + sum over c of x[t, c] * w[r, c].
// row_bytes is the distance between rows of w.
int rap_matmul(rap_team* team, float* y, int64_t y_stride, const float* x, int64_t x_stride,
               int tokens, int dtype, const void* w, int64_t row_bytes, const int32_t* rows,
               int row_ranges, const int32_t* columns, int column_ranges, int accumulate);

// y[t, r] = f(gate[r] . x[t] + gate_bias[r]) * (up[r] . x[t] + up_bias[r]), f an activation.
// gate, up [F, columns]   gate_bias, up_bias [F], or NULL
int rap_gated_matmul(rap_team* team, float* y, int64_t y_stride, const float* x, int64_t x_stride,
                     int tokens, int gate_dtype, const void* gate, int64_t gate_row_bytes,
                     const float* gate_bias, int up_dtype, const void* up, int64_t up_row_bytes,
                     const float* up_bias, int activation, const int32_t* rows, int row_ranges,
                     int columns);

// y[t, c] += row[c].
int rap_add_row(rap_team* team, float* y, int64_t y_stride, int tokens, const float* row,
                const int32_t* columns, int column_ranges);

// Rotates the first rotary_size elements of whole heads in place.
// cos_sin [tokens, rotary_size]: cosines, then sines.
// Pairs are elements 2i and 2i + 1 if interleaved, i and i + rotary_size / 2 if not.
int rap_rope(rap_team* team, float* x, int64_t x_stride, int tokens, const float* cos_sin,
             int rotary_size, int head_size, int interleaved, const int32_t* columns,
             int column_ranges);

// keys, values [K, slots, head_size], float16; group_stride is slots * head_size.
// k, v [tokens, stride], K heads side by side.   slots [tokens]: where each token goes
int rap_store_kv(rap_team* team, void* keys, void* values, int64_t group_stride, int head_size,
                 const float* k, const float* v, int64_t stride, int tokens, const int32_t* slots,
                 const int32_t* groups, int group_ranges);

// Causal attention over the positions of each token's sequence up to its own, at most `window` of
// them. The score of a product s of query and key is scale * s, or, if soft_cap is not 0,
// soft_cap * tanh(scale * s / soft_cap).
// y, q [tokens, stride], H heads side by side, queries_per_group = H / K of them for a KV head.
// Tokens of one sequence are consecutive and in order of position.
// Position p of sequence s lies in slot block_tables[s, p / block_size] * block_size
// + p % block_size.   present [S, kv_heads]: 0 where the heads of a group yield zeros
int rap_attention(rap_team* team, float* y, const float* q, int64_t stride, int queries_per_group,
                  float scale, float soft_cap, int window, const void* keys, const void* values,
                  int64_t group_stride, int head_size, int tokens, const int32_t* positions,
                  const int32_t* sequence_of, const int32_t* block_tables,
                  int64_t block_table_stride, int block_size, const uint8_t* present,
                  int kv_heads, const int32_t* groups, int group_ranges);

// y[t] = logits[t, targets[t]] - log(sum over v of exp(logits[t, v])).
// logits [tokens, vocabulary]
int rap_log_probs(rap_team* team, double* y, const float* logits, int tokens, int64_t vocabulary,
                  const int32_t* targets);

#endif
