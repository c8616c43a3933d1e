"""The student as a GGUF file, and that file read back: what it scores is what is reported."""

import json
import math

import numpy as np
import torch

from . import gguf
from .corpus import SEPARATOR
from .student import Shape, Student

NORMAL, CONTROL = 1, 3  # kinds of tokens
MOSTLY_Q8_0 = 7

# ours -> GGUF's, inside layer i
LAYER_NAMES = {
    "attention_norm": "attn_norm",
    "query": "attn_q",
    "key": "attn_k",
    "value": "attn_v",
    "output": "attn_output",
    "ffn_norm": "ffn_norm",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}


def gguf_names(shape):
    """Our name of each tensor -> its name in the file, in the file's order."""
    names = {"embedding": "token_embd.weight"}
    for i in range(shape.layers):
        names |= {f"{i}.{ours}": f"blk.{i}.{theirs}.weight" for ours, theirs in LAYER_NAMES.items()}
    return names | {"norm": "output_norm.weight"}


def save(path, student, tokenizer, name):
    shape = student.shape
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    end = tokenizer.token_to_id(SEPARATOR)
    kinds = [CONTROL if token == SEPARATOR else NORMAL for token in tokens]
    u32, text = gguf.U32, gguf.STRING
    metadata = [
        ("general.architecture", text, "llama"),
        ("general.type", text, "model"),
        ("general.name", text, name),
        ("general.license", text, "apache-2.0"),
        ("general.languages", (gguf.ARRAY, text), ["en"]),
        ("general.file_type", u32, MOSTLY_Q8_0),
        ("general.quantization_version", u32, 2),
        ("llama.block_count", u32, shape.layers),
        ("llama.context_length", u32, shape.context),
        ("llama.embedding_length", u32, shape.hidden),
        ("llama.feed_forward_length", u32, shape.feed_forward),
        ("llama.attention.head_count", u32, shape.heads),
        ("llama.attention.head_count_kv", u32, shape.kv_heads),
        ("llama.attention.key_length", u32, shape.head_size),
        ("llama.attention.value_length", u32, shape.head_size),
        ("llama.attention.layer_norm_rms_epsilon", gguf.FLOAT, shape.eps),
        ("llama.rope.dimension_count", u32, shape.head_size),
        ("llama.rope.freq_base", gguf.FLOAT, shape.theta),
        ("llama.vocab_size", u32, shape.vocabulary),
        ("tokenizer.ggml.model", text, "gpt2"),
        ("tokenizer.ggml.pre", text, "smollm"),
        ("tokenizer.ggml.tokens", (gguf.ARRAY, text), tokens),
        ("tokenizer.ggml.token_type", (gguf.ARRAY, gguf.I32), kinds),
        ("tokenizer.ggml.merges", (gguf.ARRAY, text), merges),
        ("tokenizer.ggml.bos_token_id", u32, end),
        ("tokenizer.ggml.eos_token_id", u32, end),
        ("tokenizer.ggml.add_bos_token", gguf.BOOL, False),
        ("tokenizer.ggml.add_space_prefix", gguf.BOOL, False),
    ]
    tensors = [
        (theirs, student.weights[ours].detach().float().cpu().numpy())
        for ours, theirs in gguf_names(shape).items()
    ]
    gguf.write(path, metadata, tensors)


def load(path, device, dtype):
    """The file's model as a Student, its shape from the file's metadata."""
    file = gguf.Reader(path)
    meta = file.metadata
    shape = Shape(
        vocabulary=len(meta["tokenizer.ggml.tokens"]),
        layers=meta["llama.block_count"],
        hidden=meta["llama.embedding_length"],
        heads=meta["llama.attention.head_count"],
        kv_heads=meta["llama.attention.head_count_kv"],
        head_size=meta["llama.rope.dimension_count"],
        feed_forward=meta["llama.feed_forward_length"],
        context=meta["llama.context_length"],
        theta=meta["llama.rope.freq_base"],
        eps=meta["llama.attention.layer_norm_rms_epsilon"],
    )
    weights = {
        ours: torch.from_numpy(file.tensor(theirs)).to(device)
        for ours, theirs in gguf_names(shape).items()
    }
    return Student(shape, weights, device, dtype)


@torch.no_grad()
def perplexity(student, ids, window=512, batch=32):
    """(perplexity, tokens scored): windows that do not overlap, the tail dropped, no BOS, every
    position of a window but the first scored."""
    count = len(ids) // window
    if count == 0:
        return math.nan, 0
    rows = torch.from_numpy(np.asarray(ids[: count * window], dtype=np.int64)).to(student.device)
    rows = rows.view(count, window)
    total = sum((student.loss(part) * len(part)).item() for part in rows.split(batch))
    return math.exp(total / count), count * (window - 1)
