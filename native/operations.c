// operations.c: the table of one instruction set's operations.

#include "operations.h"

const struct operations VARIANT(operations) = {
    .matmul = VARIANT(matmul),
    .attention = VARIANT(attention),
    .embed = VARIANT(embed),
    .rms_norm = VARIANT(rms_norm),
    .scale = VARIANT(scale),
    .soft_cap = VARIANT(soft_cap),
    .multiply_adds = VARIANT(multiply_adds),
    .add_row = VARIANT(add_row),
    .rope = VARIANT(rope),
    .store_kv = VARIANT(store_kv),
    .log_probs = VARIANT(log_probs),
};
