#!/usr/bin/env python3
"""usage: scripts/golden-logits.py

Writes tiny models with seeded random weights as Hugging Face folders into
src/test/resources/dev/rap/golden/, each with golden.json: tokens, and the logits that transformers
computes for them in fp32, dense and with the units of masks zeroed. The models are read back from
the files before they are run, so that the goldens are those of the files. Models of FAMILIES are
there as model.gguf too, with the names and settings that llama.cpp's converter gives them.

golden.json: tokens; positions, those of the logits; cases, each a mask (null: dense), means (if there
are: by sublayer, the mean input that is put in place of what is dropped), logits
[positions, vocabulary], nll (mean over all tokens but the first, nats), fp32Error (largest
difference from the same model in fp64: what rounding alone costs). Of FAMILIES calibration too: nll
with each sublayer dropped by itself, and the mean input of each output projection in the dense model.
Of models with another RoPE in long contexts, beyond too: tokens, positions and cases of such a context.

Needs: pip install torch==2.11.0 transformers==5.23.0 tokenizers==0.23.3 gguf==0.19.0 safetensors==0.8.0
"""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import torch
from gguf import MODEL_ARCH, GGUFWriter, RopeScalingType, get_tensor_name_map
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

import oracle

GOLDEN = Path(__file__).resolve().parent.parent / "src/test/resources/dev/rap/golden"
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    # So small that 24 positions tell apart kept, blended and divided frequencies.
    "original_max_position_embeddings": 32,
}

# Every folder differs from the others in what a loader or a forward pass could get wrong.
# "masks" and "compensated": name -> (channel block size, {layer: (head groups, channel blocks)}).
MODELS = {
    # GQA ratio 1, biases, separate output; config.json leaves the head size to be derived.
    "mha-biased": {
        "seed": 1, "dtype": torch.float32, "shards": 1, "config_style": "published",
        "config": dict(
            hidden_size=64, num_attention_heads=2, num_key_value_heads=2,
            intermediate_size=96, num_hidden_layers=2, vocab_size=64, attention_bias=True,
            tie_word_embeddings=False, rms_norm_eps=1e-5,
        ),
        "rope": {"rope_type": "default", "rope_theta": 10000.0},
        "masks": {
            "dropped sublayers": (32, {0: ("all", "none"), 1: ("none", "all")}),
            "mixed units": (32, {0: ([0], [1]), 1: ([1], [0, 2])}),
        },
    },
    # GQA ratio 4, Llama-3.1 rope scaling, tied; the hidden size is no power of two and not that of
    # the queries; the last channel block of 64 has 32 channels.
    "gqa4-llama3-rope": {
        "seed": 2, "dtype": torch.bfloat16, "shards": 1, "config_style": "published",
        "config": dict(
            hidden_size=192, num_attention_heads=8, num_key_value_heads=2, head_dim=32,
            intermediate_size=160, num_hidden_layers=2, vocab_size=100,
            tie_word_embeddings=True, rms_norm_eps=1e-5,
        ),
        "rope": {**LLAMA3, "rope_theta": 500000.0},
        "masks": {
            "dropped sublayers": (32, {0: ("none", "all"), 1: ("all", "none")}),
            "mixed units": (32, {0: ([1], [0, 2, 4]), 1: ([0], [1, 2])}),
            "short last block": (64, {0: ("all", [0, 2]), 1: ([0], [2])}),
        },
    },
    # GQA ratio 8 with head size 64, two shards, F16, config.json as transformers 5 writes it.
    "gqa8-sharded": {
        "seed": 3, "dtype": torch.float16, "shards": 2, "config_style": "transformers 5",
        "config": dict(
            hidden_size=64, num_attention_heads=8, num_key_value_heads=1, head_dim=64,
            intermediate_size=96, num_hidden_layers=2, vocab_size=257,
            tie_word_embeddings=True, rms_norm_eps=1e-6,
        ),
        "rope": {"rope_type": "default", "rope_theta": 100000.0},
        "masks": {
            "dropped sublayers": (32, {0: ("all", "none"), 1: ("none", "all")}),
            "mixed units": (32, {0: ([0], [1, 2]), 1: ("none", [0])}),
        },
    },
    # Feed-forward biases beside those of attention, in F16; GQA ratio 2; the last channel block of 64
    # has 32 channels.
    "ffn-biased": {
        "seed": 4, "dtype": torch.float16, "shards": 1, "config_style": "transformers 5",
        "config": dict(
            hidden_size=128, num_attention_heads=4, num_key_value_heads=2, head_dim=32,
            intermediate_size=160, num_hidden_layers=2, vocab_size=64, attention_bias=True,
            mlp_bias=True, tie_word_embeddings=True, rms_norm_eps=1e-5,
        ),
        "rope": {"rope_type": "default", "rope_theta": 10000.0},
        "masks": {
            "dropped sublayers": (32, {0: ("all", "none"), 1: ("none", "all")}),
            "mixed units": (32, {0: ([0], [1, 2]), 1: ([1], [0, 2, 4])}),
            "short last block": (64, {0: ([1], [0, 2]), 1: ("none", [2])}),
        },
        "compensated": {
            "dropped sublayers, compensated": (64, {0: ("all", "none"), 1: ("none", "all")}),
            "mixed units, compensated": (64, {0: ([1], [0, 2]), 1: ("none", [2])}),
        },
    },
    # A base that grows in contexts beyond 32 tokens.
    "llama-dynamic": {
        "seed": 5, "dtype": torch.float16, "shards": 1, "config_style": "published",
        "config": dict(
            hidden_size=64, num_attention_heads=2, num_key_value_heads=2, intermediate_size=96,
            num_hidden_layers=2, vocab_size=64, max_position_embeddings=32, tie_word_embeddings=True,
            rms_norm_eps=1e-5,
        ),
        "rope": {"rope_type": "dynamic", "factor": 3.0, "rope_theta": 10000.0},
        "masks": {"mixed units": (32, {0: ([0], [1]), 1: ([1], [0, 2])})},
    },
}  # fmt: skip

# One model a family, whose "config" is the whole config.json in the form in which the family's models
# are published. Windows, caps and contexts are so small that 24 positions feel them. Depths show all
# kinds of layers that GGUF files take for granted: each fourth of SmolLM3 has no RoPE, each sixth of
# Gemma 3 sees everything.
SMALL = dict(
    hidden_size=32, num_attention_heads=4, num_key_value_heads=2, head_dim=16, intermediate_size=96,
    num_hidden_layers=2, vocab_size=64, max_position_embeddings=256, rms_norm_eps=1e-5,
    bos_token_id=1, eos_token_id=2, pad_token_id=0, torch_dtype="float16", hidden_act="silu",
)  # fmt: skip
GEMMA = SMALL | dict(
    hidden_activation="gelu_pytorch_tanh", query_pre_attn_scalar=16, attention_bias=False, rms_norm_eps=1e-6,
)  # fmt: skip
FAMILIES = {
    "llama-linear": {
        "seed": 11, "arch": MODEL_ARCH.LLAMA,
        "config": SMALL | dict(
            architectures=["LlamaForCausalLM"], model_type="llama", rope_theta=10000.0,
            rope_scaling={"type": "linear", "factor": 2.5}, tie_word_embeddings=False,
        ),
    },
    "mistral": {
        "seed": 12, "arch": MODEL_ARCH.LLAMA,
        "config": SMALL | dict(
            architectures=["MistralForCausalLM"], model_type="mistral", rope_theta=10000.0,
            sliding_window=7, tie_word_embeddings=False,
        ),
    },
    "qwen2-yarn": {
        "seed": 13, "arch": MODEL_ARCH.QWEN2,
        "config": {k: v for k, v in SMALL.items() if k != "head_dim"} | dict(
            architectures=["Qwen2ForCausalLM"], model_type="qwen2", rope_theta=1000000.0,
            rope_scaling={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
            sliding_window=5, use_sliding_window=False, max_window_layers=1, tie_word_embeddings=True,
            hidden_size=64, num_attention_heads=2, num_key_value_heads=2,
        ),
    },
    "qwen3": {
        "seed": 14, "arch": MODEL_ARCH.QWEN3,
        "config": SMALL | dict(
            architectures=["Qwen3ForCausalLM"], model_type="qwen3", rope_theta=1000000.0,
            rope_scaling=None, sliding_window=None, use_sliding_window=False, attention_bias=False,
            max_window_layers=2, tie_word_embeddings=False, rms_norm_eps=1e-6,
        ),
    },
    "smollm3": {
        "seed": 15, "arch": MODEL_ARCH.SMOLLM3,
        "config": {k: v for k, v in SMALL.items() if k != "head_dim"} | dict(
            architectures=["SmolLM3ForCausalLM"], model_type="smollm3", rope_theta=5000000.0,
            rope_scaling=None, no_rope_layers=[1, 1, 1, 0], no_rope_layer_interval=4,
            layer_types=["full_attention"] * 4, use_sliding_window=False, sliding_window=None,
            num_hidden_layers=4, attention_bias=False, mlp_bias=False,
        ),
    },
    "gemma2": {
        "seed": 16, "arch": MODEL_ARCH.GEMMA2,
        "config": GEMMA | dict(
            architectures=["Gemma2ForCausalLM"], model_type="gemma2", rope_theta=10000.0,
            sliding_window=6, attn_logit_softcapping=2.0, final_logit_softcapping=3.0,
            num_hidden_layers=3,
        ),
    },
    "gemma3": {
        "seed": 17, "arch": MODEL_ARCH.GEMMA3,
        "config": GEMMA | dict(
            architectures=["Gemma3ForCausalLM"], model_type="gemma3_text", rope_theta=1000000.0,
            rope_local_base_freq=5000.0, rope_scaling={"rope_type": "linear", "factor": 8.0},
            sliding_window=5, sliding_window_pattern=6, attn_logit_softcapping=None,
            final_logit_softcapping=None, num_hidden_layers=6, intermediate_size=64,
        ),
    },
    "phi3": {
        "seed": 18, "arch": MODEL_ARCH.PHI3,
        "config": {k: v for k, v in SMALL.items() if k != "head_dim"} | dict(
            architectures=["Phi3ForCausalLM"], model_type="phi3", rope_theta=10000.0, rope_scaling=None,
            sliding_window=9, original_max_position_embeddings=256, tie_word_embeddings=False,
            attention_bias=False,
        ),
    },
    "phi3-longrope": {
        "seed": 20, "arch": MODEL_ARCH.PHI3,
        "config": {k: v for k, v in SMALL.items() if k != "head_dim"} | dict(
            architectures=["Phi3ForCausalLM"], model_type="phi3", rope_theta=10000.0,
            rope_scaling={
                "rope_type": "longrope", "short_factor": [round(1 + 0.07 * i, 2) for i in range(16)],
                "long_factor": [round(1.3 + 0.9 * i, 2) for i in range(16)],
            },
            sliding_window=262144, original_max_position_embeddings=32, tie_word_embeddings=False,
            attention_bias=False, hidden_size=64, num_attention_heads=2,
        ),
    },
    "phi4": {
        "seed": 19, "arch": MODEL_ARCH.PHI3,
        "config": {k: v for k, v in SMALL.items() if k != "head_dim"} | dict(
            architectures=["Phi3ForCausalLM"], model_type="phi3", rope_theta=10000.0,
            rope_scaling={
                "type": "longrope", "short_factor": [1.0, 1.02, 1.05, 1.3, 1.7, 2.0],
                "long_factor": [1.1, 1.7, 2.9, 5.0, 11.0, 31.0],
            },
            partial_rotary_factor=0.75, sliding_window=262144, original_max_position_embeddings=32,
            tie_word_embeddings=True, attention_bias=False, hidden_size=64,
        ),
    },
}  # fmt: skip

TOKENS = 24
POSITIONS = [11, 23]
BEYOND = 40  # tokens, of models whose first training had 32
BEYOND_POSITIONS = [11, 39]


def random_weights(config, seed):
    """Scales that make attention attend and every sublayer count, unlike a fresh model's 0.02."""
    generator = torch.Generator().manual_seed(seed)
    weights = AutoModelForCausalLM.from_config(config).state_dict()
    mean = 0 if config.model_type.startswith("gemma") else 1  # Gemma stores norms less 1
    drawn = {}
    for name in sorted(weights):
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        normal = torch.randn(weights[name].shape, generator=generator)
        if name.endswith("norm.weight"):
            drawn[name] = mean + 0.2 * normal
        elif name.endswith("bias"):
            drawn[name] = 0.3 * normal
        elif "embed_tokens" in name:
            drawn[name] = 0.5 * normal
        else:
            drawn[name] = normal * (1.3 / weights[name].shape[1] ** 0.5)
    return drawn


def save_weights(folder, weights, shards):
    if shards == 1:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names = sorted(weights)
    index = {"metadata": {"total_size": sum(t.nbytes for t in weights.values())}, "weight_map": {}}
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = names[shard * len(names) // shards : (shard + 1) * len(names) // shards]
        save_file({name: weights[name] for name in part}, folder / file, metadata={"format": "pt"})
        index["weight_map"].update({name: file for name in part})
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")


def save_config(folder, config, rope, dtype, style):
    """config.json in one of the two forms in use: rope_scaling and torch_dtype, or rope_parameters and dtype."""
    name = str(dtype).removeprefix("torch.")
    document = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "attention_bias": False, "mlp_bias": False, "max_position_embeddings": 256,
        "bos_token_id": 1, "eos_token_id": 2, **config,
    }  # fmt: skip
    if style == "transformers 5":
        document |= {"dtype": name, "rope_parameters": rope}
    else:
        scaling = {k: v for k, v in rope.items() if k != "rope_theta"}
        scaled = rope["rope_type"] != "default"
        document |= {"torch_dtype": name, "rope_theta": rope["rope_theta"]}
        document |= {"rope_scaling": scaling if scaled else None}
    (folder / "config.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def random_means(config, seed):
    """Mean inputs of o_proj and down_proj, as large as inputs are: other than true ones they matter."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [config.num_attention_heads * oracle.head_size(config), config.intermediate_size]
    return [0.5 * torch.randn(size, generator=generator) for size in sizes * config.num_hidden_layers]


def rounded(values):
    """Fewer digits, but enough to tell apart all float32."""
    return [float(f"{x:.9g}") for x in values.tolist()]


def run(folder, tokens, document, means, dtype):
    """Logits [tokens, vocabulary] of the saved model under a mask, in fp64."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()
    if document is not None:
        oracle.apply_mask(model, document, means and [mean.to(dtype) for mean in means])
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0].double()


def golden_case(folder, tokens, name, document, means=None, positions=POSITIONS):
    logits = run(folder, tokens, document, means, torch.float32)
    exact = run(folder, tokens, document, means, torch.float64)
    error = (logits - exact).abs().max().item()
    losses = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(tokens[1:]))
    print(f"{folder.name}: {name}: logits' deviation {logits.std():.3f}, fp32 error {error:.1e}")
    return {
        "name": name,
        "mask": document,
        **({"means": [rounded(mean) for mean in means]} if means else {}),
        "nll": float(f"{losses.item():.9g}"),
        "fp32Error": float(f"{error:.2g}"),
        "logits": [rounded(logits[p]) for p in positions],
    }


def write_gguf(path, spec, weights):
    """The model as llama.cpp's converter writes it: matrices in F16, vectors in F32."""
    arch, config = spec["arch"], spec["config"]
    writer = GGUFWriter(path, {MODEL_ARCH.LLAMA: "llama"}.get(arch, arch.name.lower()))
    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    head_size = config.get("head_dim", config["hidden_size"] // heads)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(groups)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_vocab_size(config["vocab_size"])
    if "head_dim" in config:
        writer.add_key_length(head_size)
        writer.add_value_length(head_size)
    if config.get("sliding_window") and config.get("use_sliding_window", True):
        writer.add_sliding_window(config["sliding_window"])
    if arch == MODEL_ARCH.GEMMA2:
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    if arch in (MODEL_ARCH.LLAMA, MODEL_ARCH.SMOLLM3, MODEL_ARCH.PHI3):
        writer.add_rope_dimension_count(int(head_size * config.get("partial_rotary_factor", 1)))
    if arch == MODEL_ARCH.GEMMA3:
        writer.add_rope_freq_base_swa(config["rope_local_base_freq"])
    if arch == MODEL_ARCH.PHI3:
        writer.add_rope_scaling_orig_ctx_len(config["original_max_position_embeddings"])
    scaling = config.get("rope_scaling") or {}
    if "long_factor" in scaling:
        original = config["original_max_position_embeddings"]
        factor = config["max_position_embeddings"] / original
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(factor) / math.log(original)))
        for length in ("long", "short"):
            writer.add_tensor(f"rope_factors_{length}.weight", np.float32(scaling[f"{length}_factor"]))
    elif scaling:
        kind = scaling.get("rope_type", scaling.get("type"))
        writer.add_rope_scaling_type(RopeScalingType(kind))
        writer.add_rope_scaling_factor(scaling["factor"])
        if kind == "yarn":
            writer.add_rope_scaling_orig_ctx_len(scaling["original_max_position_embeddings"])
    writer.add_tokenizer_model("none")
    names = get_tensor_name_map(arch, config["num_hidden_layers"])
    for name, tensor in weights.items():
        values = tensor.float()
        if arch in (MODEL_ARCH.GEMMA2, MODEL_ARCH.GEMMA3) and name.endswith("norm.weight"):
            values = values + 1
        if arch in (MODEL_ARCH.LLAMA, MODEL_ARCH.SMOLLM3) and name.endswith(("q_proj.weight", "k_proj.weight")):
            values = permuted(values, heads if "q_proj" in name else groups)
        stored = values.numpy() if values.dim() == 1 else values.half().numpy()
        writer.add_tensor(names.get_name(name, (".weight", ".bias")), stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def permuted(matrix, heads):
    """Pairs i and i + Dh/2 of each head become neighbours."""
    rows, columns = matrix.shape
    return matrix.reshape(heads, 2, rows // heads // 2, columns).transpose(1, 2).reshape(rows, columns)


def write(name, spec):
    folder = GOLDEN / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    save_config(folder, spec["config"], spec["rope"], spec["dtype"], spec["config_style"])
    config = AutoConfig.from_pretrained(folder)
    weights = {n: t.to(spec["dtype"]) for n, t in random_weights(config, spec["seed"]).items()}
    save_weights(folder, weights, spec["shards"])
    write_golden(folder, spec["seed"], config, spec["masks"], spec.get("compensated", {}))


def write_family(name, spec):
    folder = GOLDEN / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(spec["config"], indent=1, sort_keys=True) + "\n")
    config = AutoConfig.from_pretrained(folder)
    weights = {n: t.half() for n, t in random_weights(config, spec["seed"]).items()}
    save_weights(folder, weights, 1)
    write_gguf(folder / "model.gguf", spec, weights)
    last = config.num_hidden_layers - 1
    masks = {
        "dropped sublayers": (32, {0: ("all", "none"), last: ("none", "all")}),
        "mixed units": (32, {0: ([1], [0]), 1: ([0], "all"), last: ("all", [1])}),
    }
    compensated = {
        "dropped sublayers, compensated": masks["dropped sublayers"],
        "mixed units, compensated": masks["mixed units"],
    }
    write_golden(folder, spec["seed"], config, masks, compensated, calibrated=True)


def calibration(folder, tokens, config):
    losses = []
    for sublayer in range(2 * config.num_hidden_layers):
        dropped = ("none", "all") if sublayer % 2 == 0 else ("all", "none")
        logits = run(folder, tokens, oracle.mask(config, 32, {sublayer // 2: dropped}), None, torch.float32)
        losses.append(torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(tokens[1:])).item())
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    means = []
    for layer in model.model.layers:
        for projection in (layer.self_attn.o_proj, layer.mlp.down_proj):
            projection.register_forward_pre_hook(lambda _, inputs: means.append(inputs[0][0].mean(0)))
    with torch.no_grad():
        model(torch.tensor([tokens]))
    return {"losses": losses, "meanInputs": [[float(f"{x:.6g}") for x in mean.tolist()] for mean in means]}


def write_golden(folder, seed, config, masks, compensated, calibrated=False):
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(config.vocab_size, (TOKENS,), generator=generator).tolist()
    cases = [golden_case(folder, tokens, "dense", None)]
    for case, (block_size, layers) in masks.items():
        cases.append(golden_case(folder, tokens, case, oracle.mask(config, block_size, layers)))
    for case, (block_size, layers) in compensated.items():
        document = oracle.mask(config, block_size, layers)
        cases.append(golden_case(folder, tokens, case, document, random_means(config, seed)))
    beyond = None
    if getattr(config, "original_max_position_embeddings", config.max_position_embeddings) < BEYOND:
        longer = torch.randint(config.vocab_size, (BEYOND,), generator=generator).tolist()
        case = golden_case(folder, longer, "beyond", None, positions=BEYOND_POSITIONS)
        beyond = {"tokens": longer, "positions": BEYOND_POSITIONS, "cases": [case]}
    document = {
        "script": "scripts/golden-logits.py",
        "seed": seed,
        "versions": oracle.versions(),
        "tokens": tokens,
        "positions": POSITIONS,
        "cases": cases,
        **({"calibration": calibration(folder, tokens, config)} if calibrated else {}),
        **({"beyond": beyond} if beyond else {}),
    }
    (folder / "golden.json").write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for model_name, model_spec in MODELS.items():
        write(model_name, model_spec)
    for model_name, model_spec in FAMILIES.items():
        write_family(model_name, model_spec)
