#!/usr/bin/env python3
# usage: scripts/random-model.py OUT.gguf [--shape llama3-8b] [--channels N] [--seed 0]
"""Writes a model of random weights as GGUF in BF16, to measure speed with. Needs numpy.

Speed does not depend on what the weights are, as long as they are no zeros and activations stay
finite: each matrix is scaled by 1 / sqrt(columns). One random block of 2^26 elements, begun at
another place for each tensor, is used over and over: drawing 8 billion would take minutes.
"""
import argparse
import struct

import numpy as np

# layers, hidden, heads, KV heads, head size, feed-forward, vocabulary, tied
SHAPES = {
    "llama3-8b": (32, 4096, 32, 8, 128, 14336, 128256, False),
    "smollm2-135m": (30, 576, 9, 3, 64, 1536, 49152, True),
    "llama3-1b": (16, 2048, 32, 8, 64, 8192, 128256, True),
}
ALIGNMENT = 32
F32, BF16 = 0, 30
UINT32, FLOAT32, INT32, STRING, ARRAY = 4, 6, 5, 8, 9
BLOCK = 1 << 26


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def entry(key, kind, payload):
    return text(key) + struct.pack("<I", kind) + payload


def strings(values):
    return struct.pack("<IQ", STRING, len(values)) + b"".join(text(v) for v in values)


def byte_alphabet():
    """GPT-2's printable stand-ins for the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    names = {b: chr(b) for b in plain}
    for i, b in enumerate(b for b in range(256) if b not in names):
        names[b] = chr(256 + i)
    return [names[b] for b in range(256)]


def vocabulary(size):
    """The bytes, then pairs of bytes, then pairs and a byte: each token with the merge that makes it."""
    tokens = byte_alphabet()
    parts = list(tokens)
    merges = []
    for left in range(size):
        for right in parts:
            if len(tokens) == size:
                return tokens, merges
            tokens.append(tokens[left] + right)
            merges.append(tokens[left] + " " + right)


def tensors(shape):
    layers, d, heads, kv_heads, head, f, v, tied = shape
    yield "token_embd.weight", BF16, (v, d)
    for i in range(layers):
        for name, rows, columns in (
            ("attn_q", heads * head, d),
            ("attn_k", kv_heads * head, d),
            ("attn_v", kv_heads * head, d),
            ("attn_output", d, heads * head),
            ("ffn_gate", f, d),
            ("ffn_up", f, d),
            ("ffn_down", d, f),
        ):
            yield f"blk.{i}.{name}.weight", BF16, (rows, columns)
        yield f"blk.{i}.attn_norm.weight", F32, (d,)
        yield f"blk.{i}.ffn_norm.weight", F32, (d,)
    yield "output_norm.weight", F32, (d,)
    if not tied:
        yield "output.weight", BF16, (v, d)


def padded(count):
    return (count + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def header(name, shape):
    layers, d, heads, kv_heads, head, f, v, _ = shape
    tokens, merges = vocabulary(v)
    u32 = lambda n: struct.pack("<I", n)
    fields = [
        entry("general.architecture", STRING, text("llama")),
        entry("general.name", STRING, text(f"random {name}")),
        entry("general.alignment", UINT32, u32(ALIGNMENT)),
        entry("llama.block_count", UINT32, u32(layers)),
        entry("llama.context_length", UINT32, u32(8192)),
        entry("llama.embedding_length", UINT32, u32(d)),
        entry("llama.feed_forward_length", UINT32, u32(f)),
        entry("llama.attention.head_count", UINT32, u32(heads)),
        entry("llama.attention.head_count_kv", UINT32, u32(kv_heads)),
        entry("llama.attention.key_length", UINT32, u32(head)),
        entry("llama.attention.value_length", UINT32, u32(head)),
        entry("llama.rope.dimension_count", UINT32, u32(head)),
        entry("llama.vocab_size", UINT32, u32(v)),
        entry("llama.rope.freq_base", FLOAT32, struct.pack("<f", 500000.0)),
        entry("llama.attention.layer_norm_rms_epsilon", FLOAT32, struct.pack("<f", 1e-5)),
        entry("tokenizer.ggml.model", STRING, text("gpt2")),
        entry("tokenizer.ggml.pre", STRING, text("smollm")),
        entry("tokenizer.ggml.tokens", ARRAY, strings(tokens)),
        entry("tokenizer.ggml.merges", ARRAY, strings(merges)),
        entry(
            "tokenizer.ggml.token_type",
            ARRAY,
            struct.pack("<IQ", INT32, v) + np.ones(v, "<i4").tobytes(),
        ),
        entry("tokenizer.ggml.bos_token_id", UINT32, u32(0)),
        entry("tokenizer.ggml.eos_token_id", UINT32, u32(0)),
    ]
    infos, offset = [], 0
    for tensor, kind, dims in tensors(shape):
        sizes = dims[::-1]  # GGUF names the fastest dimension first
        infos.append(
            text(tensor)
            + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, offset)
        )
        offset += padded(int(np.prod(dims)) * (2 if kind == BF16 else 4))
    head_bytes = struct.pack("<4sIQQ", b"GGUF", 3, len(infos), len(fields))
    return head_bytes + b"".join(fields) + b"".join(infos)


def bf16(values):
    bits = values.view("<u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("out")
    options.add_argument("--shape", choices=SHAPES, default="llama3-8b")
    options.add_argument("--channels", type=int, help="feed-forward channels of a layer")
    options.add_argument("--seed", type=int, default=0)
    options = options.parse_args()
    shape = SHAPES[options.shape]
    if options.channels:
        shape = (*shape[:5], options.channels, *shape[6:])
    random = np.random.default_rng(options.seed)
    normal = random.standard_normal(BLOCK, dtype="<f4")
    scaled = {}
    with open(options.out, "wb") as out:
        data = header(options.shape, shape)
        out.write(data + b"\0" * (padded(len(data)) - len(data)))
        for _, kind, dims in tensors(shape):
            if kind == F32:
                out.write(np.ones(dims, "<f4").tobytes())
                size = dims[0] * 4
            else:
                columns = dims[1]
                if columns not in scaled:
                    scaled[columns] = bf16(normal * np.float32(columns**-0.5))
                block, left = scaled[columns], dims[0] * columns
                size = left * 2
                start = int(random.integers(BLOCK // 2))
                while left > 0:
                    part = block[start : start + left]
                    out.write(part.data)
                    left -= len(part)
                    start = 0
            out.write(b"\0" * (padded(size) - size))


if __name__ == "__main__":
    main()
