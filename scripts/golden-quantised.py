#!/usr/bin/env python3
"""usage: scripts/golden-quantised.py

Writes src/test/resources/dev/rap/golden/quantised.json, for each storage type of GGUF:

blocks: a row of 256 random values as llama.cpp quantises it ("bytes"), and what the numpy package
gguf reads from that ("values", float32); both in base64.

models: the logits of a Llama decoder of two layers, all of whose matrices are random blocks of that
type, made by tensor_bytes below and, the same, by dev.rap.checkpoint.RandomBlocks; "sha256" is that
of all of them in order. "exact": by transformers in fp64, from the values that gguf reads;
"llamaCpp": by llama.cpp, which rounds activations to 8 bits where weights are quantised. Cases are
dense and with units dropped: their rows of gate and value are zeroed in the file, so that nothing
comes of them. tokens, positions, cases and nll are those of golden-logits.py.

Needs: pip install torch==2.11.0 transformers==5.23.0 tokenizers==0.23.3 gguf==0.19.0 numpy
       llama-cpp-python==0.3.36
"""

import base64
import ctypes
import hashlib
import json
import random
import tempfile
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type

import oracle

OUT = Path(__file__).resolve().parent.parent / "src/test/resources/dev/rap/golden/quantised.json"
TYPES = [Type.F32, Type.F16, Type.BF16, Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1,
         Type.Q2_K, Type.Q3_K, Type.Q4_K, Type.Q5_K, Type.Q6_K]  # fmt: skip
LAYERS, HIDDEN, HEADS, KV_HEADS, HEAD, CHANNELS, VOCABULARY, CONTEXT = 2, 256, 4, 2, 64, 512, 32, 64
TOKENS, POSITIONS = 24, [9, 23]
SEED = 20

# 16-bit fields of a block that are not left random: (byte, bits that stay random, bits that are set).
# They make values of about 1/16 around zero. Plain types are one such field.
SCALE = 0x1FF  # of an F16: it is 1 to 1.5 times what its other bits say
FIELDS = {
    Type.F32: [(2, 0x807F, 0x3D00)],
    Type.F16: [(0, 0x83FF, 0x2800)],
    Type.BF16: [(0, 0x807F, 0x3D00)],
    Type.Q8_0: [(0, SCALE, 0x1000)],
    Type.Q4_0: [(0, SCALE, 0x2000)],
    Type.Q4_1: [(0, SCALE, 0x2000), (2, SCALE, 0xAC00)],
    Type.Q5_0: [(0, SCALE, 0x1C00)],
    Type.Q5_1: [(0, SCALE, 0x1C00), (2, SCALE, 0xAC00)],
    Type.Q2_K: [(80, SCALE, 0x1C00), (82, SCALE, 0x1E00)],
    Type.Q3_K: [(108, SCALE, 0x1400)],
    Type.Q4_K: [(0, SCALE, 0x0C00), (2, SCALE, 0x1800)],
    Type.Q5_K: [(0, SCALE, 0x0800), (2, SCALE, 0x1800)],
    Type.Q6_K: [(208, 0x00FF, 0x0200)],  # a subnormal F16
}
NORM = [(2, 0x007F, 0x3F00)]  # F32 in [0.5, 1)

# As a retention mask says it: channel blocks of 128, so that blocks of 256 are cut in two.
MASK = {
    "channelBlockSize": 128,
    "profile": None,
    "layers": [
        {"headGroups": "all", "channelBlocks": [0, 2, 3]},
        {"headGroups": [1], "channelBlocks": [0]},
    ],
}


# --- random blocks -----------------------------------------------------------------------------------


def java_random_bytes(seed, count):
    """java.util.Random(seed).nextBytes."""
    state = (seed ^ 0x5DEECE66D) & (1 << 48) - 1
    words = []
    for _ in range(-(-count // 4)):
        state = (state * 0x5DEECE66D + 0xB) & (1 << 48) - 1
        words.append(state >> 16)
    return np.array(words, dtype="<u4").view(np.uint8)[:count].copy()


def java_hash(text):
    """String.hashCode."""
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value


def tensor_bytes(name, kind, rows, columns, fields):
    """[rows, bytes of a row]"""
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    data = java_random_bytes(java_hash(name), rows * columns // elements * size).reshape(-1, size)
    for at, kept, fixed in fields:
        halves = data[:, at : at + 2].copy().view("<u2")
        data[:, at : at + 2] = ((halves & kept) | fixed).view(np.uint8)
    return data.reshape(rows, -1)


def tensors(kind):
    """Name: (type, bytes), in the order of the digest."""
    result = {}

    def matrix(name, rows, columns):
        result[name + ".weight"] = (kind, tensor_bytes(name, kind, rows, columns, FIELDS[kind]))

    def norm(name):
        result[name + ".weight"] = (Type.F32, tensor_bytes(name, Type.F32, 1, HIDDEN, NORM)[0])

    matrix("token_embd", VOCABULARY, HIDDEN)
    for i in range(LAYERS):
        norm(f"blk.{i}.attn_norm")
        matrix(f"blk.{i}.attn_q", HEADS * HEAD, HIDDEN)
        matrix(f"blk.{i}.attn_k", KV_HEADS * HEAD, HIDDEN)
        matrix(f"blk.{i}.attn_v", KV_HEADS * HEAD, HIDDEN)
        matrix(f"blk.{i}.attn_output", HIDDEN, HEADS * HEAD)
        norm(f"blk.{i}.ffn_norm")
        matrix(f"blk.{i}.ffn_gate", CHANNELS, HIDDEN)
        matrix(f"blk.{i}.ffn_up", CHANNELS, HIDDEN)
        matrix(f"blk.{i}.ffn_down", HIDDEN, CHANNELS)
    norm("output_norm")
    return result


def drop(weights, mask):
    """Zeroes the rows of gate and value of the units that the mask drops."""
    for i, layer in enumerate(mask["layers"]):
        for name, size, kept in (
            (f"blk.{i}.attn_v.weight", HEAD, layer["headGroups"]),
            (f"blk.{i}.ffn_gate.weight", mask["channelBlockSize"], layer["channelBlocks"]),
        ):
            for unit in range(len(weights[name][1]) // size):
                if kept != "all" and unit not in kept:
                    weights[name][1][unit * size : (unit + 1) * size] = 0


def write_gguf(path, weights):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(CHANNELS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(VOCABULARY)
    writer.add_tokenizer_model("none")
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for name, (kind, data) in weights.items():
        plain = {Type.F32: np.float32, Type.F16: np.float16}.get(kind)
        if plain is None:
            writer.add_tensor(name, data, raw_dtype=kind)
        else:
            writer.add_tensor(name, data.view(plain))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# --- oracles -------------------------------------------------------------------------------------------


def transformers_logits(path, tokens):
    model = oracle.gguf_model(path).double()
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0].numpy()


def llama_cpp_logits(path, tokens):
    parameters = llama_cpp.llama_model_default_params()
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx, parameters.n_batch, parameters.n_threads, parameters.n_threads_batch = CONTEXT, CONTEXT, 1, 1
    context = llama_cpp.llama_init_from_model(model, parameters)
    batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
    batch.n_tokens = len(tokens)
    for i, token in enumerate(tokens):
        batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, i, 1, 1
        batch.seq_id[i][0] = 0
    assert llama_cpp.llama_decode(context, batch) == 0
    rows = [
        np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(context, i), (VOCABULARY,)).astype(np.float64)
        for i in range(len(tokens))
    ]
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    return np.array(rows)


def golden_case(name, mask, logits, tokens):
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    nll = -np.mean([log_probs[i, tokens[i + 1]] for i in range(len(tokens) - 1)])
    rows = [[float(f"{x:.6g}") for x in logits[p]] for p in POSITIONS]
    return {"name": name, "mask": mask, "nll": float(f"{nll:.6g}"), "logits": rows}


def model(kind, tokens, folder):
    result = {"type": kind.name, "sha256": "", "exact": [], "llamaCpp": []}
    for name, mask in (("dense", None), ("units dropped", MASK)):
        weights = tensors(kind)
        if mask is None:
            digest = hashlib.sha256(b"".join(data.tobytes() for _, data in weights.values()))
            result["sha256"] = digest.hexdigest()
        else:
            drop(weights, mask)
        path = folder / f"{kind.name}.gguf"
        write_gguf(path, weights)
        exact, theirs = transformers_logits(path, tokens), llama_cpp_logits(path, tokens)
        off = np.linalg.norm(theirs - exact) / np.linalg.norm(exact)
        print(f"{kind.name}, {name}: logits' deviation {exact.std():.2f}, llama.cpp is off by {off:.1e} of their norm")
        result["exact"].append(golden_case(name, mask, exact, tokens))
        result["llamaCpp"].append(golden_case(name, mask, theirs, tokens))
    return result


# --- blocks ----------------------------------------------------------------------------------------------


def quantised(kind, values):
    """By llama.cpp; gguf has no quantiser for blocks of 256."""
    if kind == Type.F32:
        return values.tobytes()
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    out = (ctypes.c_uint8 * (len(values) // elements * size))()
    library = ctypes.CDLL(str(Path(llama_cpp.__file__).parent / "lib" / "libggml-base.so"))
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [
        ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p,
    ]  # fmt: skip
    done = library.ggml_quantize_chunk(kind.value, values.ctypes.data, out, 0, 1, len(values), None)
    assert done == len(out)
    return bytes(out)


def blocks(kind):
    """Groups of very different magnitudes, so that their scales differ too."""
    generator = np.random.default_rng(SEED + kind.value)
    values = generator.standard_normal(256) * np.repeat(10 ** generator.uniform(-1, 1, 16), 16)
    data = quantised(kind, values.astype(np.float32))
    read = gguf.dequantize(np.frombuffer(data, dtype=np.uint8), kind).astype("<f4")
    text = {"bytes": data, "values": read.tobytes()}
    return {"type": kind.name, **{key: base64.b64encode(value).decode() for key, value in text.items()}}


if __name__ == "__main__":
    torch.set_num_threads(1)
    llama_cpp.llama_backend_init()
    generator = random.Random(SEED)
    tokens = [generator.randrange(VOCABULARY) for _ in range(TOKENS)]
    with tempfile.TemporaryDirectory() as folder:
        document = {
            "script": "scripts/golden-quantised.py",
            "seed": SEED,
            "versions": {**oracle.versions(), "llama-cpp-python": llama_cpp.__version__},
            "tokens": tokens,
            "positions": POSITIONS,
            "blocks": [blocks(kind) for kind in TYPES],
            "models": [model(kind, tokens, Path(folder)) for kind in TYPES],
        }
    OUT.write_text(json.dumps(document) + "\n")
