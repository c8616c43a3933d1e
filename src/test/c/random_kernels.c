// random_kernels.c: calls every operation of rap_cpu.h at random shapes, masks and types, on every
// instruction set that this processor has, with heap buffers that end where the data end. To be
// built with AddressSanitizer and UBSan, with the library.
//
// usage: random_kernels SEED SECONDS [short]     short: one buffer lacks an element, to see it found

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rap_cpu.h"

enum { MOST_BUFFERS = 32 };

struct type {
  int dtype;
  int block;
  int bytes;
};

static const struct type TYPES[] = {
    {RAP_F32, 1, 4},     {RAP_F16, 1, 2},      {RAP_BF16, 1, 2},     {RAP_Q4_0, 32, 18},
    {RAP_Q4_1, 32, 20},  {RAP_Q5_0, 32, 22},   {RAP_Q5_1, 32, 24},   {RAP_Q8_0, 32, 34},
    {RAP_Q2_K, 256, 84}, {RAP_Q3_K, 256, 110}, {RAP_Q4_K, 256, 144}, {RAP_Q5_K, 256, 176},
    {RAP_Q6_K, 256, 210}};
enum { TYPE_COUNT = sizeof TYPES / sizeof *TYPES };

static uint64_t state;
static void* buffers[MOST_BUFFERS];
static int buffer_count;
static int lacking;

// SplitMix64.
static uint64_t next(void) {
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static int between(int least, int most) { return least + (int)(next() % (uint64_t)(most - least + 1)); }

static void* buffer(size_t bytes) {
  void* data = malloc(bytes);
  if (data == NULL || buffer_count == MOST_BUFFERS) abort();
  buffers[buffer_count++] = data;
  return data;
}

static float* floats(size_t count) {
  float* data = buffer(4 * count);
  for (size_t i = 0; i < count; i++) data[i] = (float)between(-1000, 1000) / 1000;
  return data;
}

static uint8_t* bytes(size_t count) {
  uint8_t* data = buffer(count);
  for (size_t i = 0; i < count; i++) data[i] = (uint8_t)next();
  return data;
}

// Rows of a type. Floats are small numbers, blocks are of random bytes.
static uint8_t* matrix(struct type type, int rows, int columns) {
  if (type.dtype == RAP_F32) return (uint8_t*)floats((size_t)rows * columns);
  return bytes((size_t)rows * (columns / type.block) * type.bytes);
}

static int32_t* indices(int count, int end) {
  int32_t* data = buffer(4 * (size_t)count);
  for (int i = 0; i < count; i++) data[i] = between(0, end - 1);
  return data;
}

// Disjoint ascending ranges of 0 to `size`, their bounds multiples of `unit`.
static int32_t* ranges(int size, int unit, int* count) {
  int32_t some[16];
  int n = 0;
  int at = 0;
  while (at < size && n < 16) {
    int start = at + unit * between(0, 3);
    int end = start + unit * between(1, 5);
    if (end > size) end = size;
    if (start >= end) break;
    some[n++] = start;
    some[n++] = end;
    at = end + unit;
  }
  if (n == 0 || between(0, 3) == 0) {
    n = 2;
    some[0] = 0;
    some[1] = size;
  }
  int32_t* data = buffer(4 * (size_t)n);
  memcpy(data, some, 4 * (size_t)n);
  *count = n / 2;
  return data;
}

static struct type any_type(void) { return TYPES[between(0, TYPE_COUNT - 1)]; }

static int columns_of(struct type type) {
  return type.block == 1 ? between(1, 200) : type.block * between(1, type.block == 256 ? 3 : 9);
}

static size_t row_bytes(struct type type, int columns) {
  return (size_t)(columns / type.block) * type.bytes;
}

static int tokens_of(void) { return between(0, 3) == 0 ? between(5, 40) : between(1, 4); }

static int embed(rap_team* team) {
  struct type type = any_type();
  int columns = columns_of(type), rows = between(1, 9), count = tokens_of();
  return rap_embed(team, floats((size_t)count * columns - lacking), type.dtype,
                   matrix(type, rows, columns), rows, columns, indices(count, rows), count);
}

static int matmul(rap_team* team) {
  struct type type = any_type();
  int columns = columns_of(type), rows = between(1, 70), tokens = tokens_of(), nr, nc;
  int y_stride = rows + between(0, 5), x_stride = columns + between(0, 5);
  float* y = floats((size_t)tokens * y_stride);
  float* x = floats((size_t)(tokens - 1) * x_stride + columns);
  uint8_t* w = matrix(type, rows, columns);
  int32_t* r = ranges(rows, 1, &nr);
  int32_t* c = ranges(columns, type.block == 1 ? 1 : 32, &nc);
  return rap_matmul(team, y, y_stride, x, x_stride, tokens, type.dtype, w, row_bytes(type, columns),
                    r, nr, c, nc, between(0, 1));
}

static int gated(rap_team* team) {
  struct type gate = any_type();
  struct type up = between(0, 1) ? gate : any_type();
  int block = gate.block > up.block ? gate.block : up.block;
  int columns = columns_of((struct type){0, block, 0});
  int rows = between(1, 70), tokens = tokens_of(), nr;
  float* y = floats((size_t)tokens * rows);
  float* x = floats((size_t)tokens * columns);
  int biased = between(0, 1);
  int32_t* r = ranges(rows, 1, &nr);
  return rap_gated_matmul(team, y, rows, x, columns, tokens, gate.dtype, matrix(gate, rows, columns),
                          row_bytes(gate, columns), biased ? floats(rows) : NULL, up.dtype,
                          matrix(up, rows, columns), row_bytes(up, columns),
                          biased ? floats(rows) : NULL, between(0, 1), r, nr, columns);
}

static int pointwise(rap_team* team) {
  int tokens = tokens_of(), columns = between(1, 130), n;
  float* y = floats((size_t)tokens * columns);
  switch (between(0, 4)) {
    case 0: return rap_scale(team, y, tokens, columns, 0.5f);
    case 1: return rap_soft_cap(team, y, tokens, columns, 3);
    case 2: {
      int32_t* c = ranges(columns, 1, &n);
      return rap_add_row(team, y, columns, tokens, floats(columns), c, n);
    }
    case 3: return rap_multiply_adds(team, y, tokens * columns, 0.5f, 1, between(0, 3));
    default: {
      double* sums = buffer(sizeof(double) * (size_t)tokens);
      return rap_log_probs(team, sums, y, tokens, columns, indices(tokens, columns));
    }
  }
}

static int heads(rap_team* team) {
  int tokens = tokens_of(), head_size = 2 * between(1, 65), count = between(1, 6), n;
  int stride = head_size * count;
  float* x = floats((size_t)tokens * stride);
  int32_t* c = ranges(stride, head_size, &n);
  if (between(0, 1)) {
    int rotary_size = 2 * between(1, head_size / 2);
    return rap_rope(team, x, stride, tokens, floats((size_t)tokens * rotary_size), rotary_size,
                    head_size, between(0, 1), c, n);
  }
  int accumulate = between(0, 1);
  float* y = accumulate || between(0, 1) ? floats((size_t)tokens * stride) : x;
  return rap_rms_norm(team, y, x, stride, tokens, floats(head_size), head_size, 1e-5f, c, n,
                      accumulate);
}

static int store(rap_team* team) {
  int tokens = tokens_of(), head_size = 2 * between(1, 65), groups = between(1, 4), n;
  int slots = between(1, 50);
  size_t all = (size_t)groups * slots * head_size;
  uint8_t* keys = bytes(2 * all);
  uint8_t* values = bytes(2 * all);
  float* k = floats((size_t)tokens * groups * head_size);
  float* v = floats((size_t)tokens * groups * head_size);
  int32_t* which = ranges(groups, 1, &n);
  return rap_store_kv(team, keys, values, (int64_t)slots * head_size, head_size, k, v,
                      groups * head_size, tokens, indices(tokens, slots), which, n);
}

static int attention(rap_team* team) {
  int head_size = between(0, 3) ? 16 * between(1, 8) : 2 * between(1, 65);
  int groups = between(1, 4), queries = between(1, 5);
  int block_size = 1 << between(0, 5), sequences = between(1, 3), longest = between(1, 150), n;
  int stride = groups * queries * head_size, blocks = (longest + block_size - 1) / block_size;
  int slots = sequences * blocks * block_size, tokens = 0;
  size_t all = (size_t)groups * slots * head_size;
  int32_t positions[200], sequence_of[200];
  for (int s = 0; s < sequences; s++) {
    int first = between(0, longest - 1), count = between(1, 40);
    for (int p = first; p < longest && p < first + count; p++) {
      positions[tokens] = p;
      sequence_of[tokens++] = s;
    }
  }
  int32_t* at = buffer(4 * (size_t)tokens);
  int32_t* of = buffer(4 * (size_t)tokens);
  memcpy(at, positions, 4 * (size_t)tokens);
  memcpy(of, sequence_of, 4 * (size_t)tokens);
  int32_t* tables = indices(sequences * blocks, sequences * blocks);
  uint8_t* present = bytes((size_t)sequences * groups);
  for (int i = 0; i < sequences * groups; i++) present[i] &= 1;
  int32_t* which = ranges(groups, 1, &n);
  float cap = between(0, 1) ? 0 : 30;
  int window = between(0, 1) ? INT32_MAX : between(1, longest);
  return rap_attention(team, floats((size_t)tokens * stride), floats((size_t)tokens * stride),
                       stride, queries, 0.125f, cap, window, bytes(2 * all), bytes(2 * all),
                       (int64_t)slots * head_size, head_size, tokens, at, of, tables, blocks,
                       block_size, present, groups, which, n);
}

static void* work(void* team) {
  rap_team_work(team, 1);
  return NULL;
}

static void rounds(int isa, int members, int count) {
  int (*const operations[])(rap_team*) = {embed, matmul, matmul, gated, pointwise, heads, store,
                                          attention, attention};
  rap_team* team = rap_team_new(members, isa);
  if (team == NULL) abort();
  pthread_t thread;
  if (members > 1 && pthread_create(&thread, NULL, work, team) != 0) abort();
  for (int i = 0; i < count; i++) {
    int status = operations[between(0, sizeof operations / sizeof *operations - 1)](team);
    if (status != RAP_OK) {
      fprintf(stderr, "status %d\n", status);
      exit(1);
    }
    while (buffer_count > 0) free(buffers[--buffer_count]);
  }
  rap_team_close(team);
  if (members > 1) pthread_join(thread, NULL);
  rap_team_free(team);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  state = strtoull(argv[1], NULL, 10);
  lacking = argc > 3 && strcmp(argv[3], "short") == 0;
  time_t end = time(NULL) + atoi(argv[2]);
  long count = 0;
  do {
    for (int isa = 0; isa <= rap_best_isa(); isa++) {
      rounds(isa, between(1, 2), 50);
      count += 50;
    }
  } while (time(NULL) < end);
  printf("%ld operations, %d instruction sets\n", count, rap_best_isa() + 1);
  return 0;
}
