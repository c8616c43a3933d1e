"""What the golden scripts share: RetentionMasks in PyTorch, and a Llama GGUF as transformers' model.

Needs: pip install torch==2.11.0 transformers==5.23.0 tokenizers==0.23.3 gguf==0.19.0 numpy
"""

import importlib.metadata

import numpy as np
import torch
from gguf import GGUFReader, dequantize
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

CONTROL = 3  # tokenizer.ggml.token_type of special tokens


def versions():
    """The packages that decide the numbers."""
    return {name: importlib.metadata.version(name) for name in ("torch", "transformers", "gguf", "tokenizers")}


# --- masks -----------------------------------------------------------------------------------------


def mask(config, block_size, layers):
    """A mask document; layers: {layer: (head groups, channel blocks)}, all units where a layer is absent."""
    rows = [{"headGroups": "all", "channelBlocks": "all"} for _ in range(config.num_hidden_layers)]
    for layer, (groups, blocks) in layers.items():
        rows[layer] = {"headGroups": groups, "channelBlocks": blocks}
    return {"channelBlockSize": block_size, "profile": None, "layers": rows}


def head_size(config):
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def kept_columns(units, unit_size, columns):
    """Which of `columns` inputs belong to the units that a mask's row keeps."""
    count = -(-columns // unit_size)
    indices = {"all": range(count), "none": ()}.get(units, units) if isinstance(units, str) else units
    kept = torch.zeros(columns, dtype=torch.bool)
    for unit in indices:
        assert 0 <= unit < count, f"no unit {unit} of {count}"
        kept[unit * unit_size : (unit + 1) * unit_size] = True
    return kept


def keep_only(projection, kept, mean=None):
    """
    Zeroes the columns that are not kept. Where a mean input is given, what those columns make of it
    joins the bias; if not, and none is kept, the sublayer is gone, its bias too.
    """
    with torch.no_grad():
        if mean is not None and not kept.all():
            bias = 0 if projection.bias is None else projection.bias
            projection.bias = torch.nn.Parameter(bias + projection.weight[:, ~kept] @ mean[~kept])
        elif projection.bias is not None and not kept.any():
            projection.bias.zero_()
        projection.weight[:, ~kept] = 0


def apply_mask(model, document, means=None):
    """
    Zeroes what the mask drops: columns of o_proj for head groups, of down_proj for channel blocks.

    means: the mean input of o_proj and of down_proj, layer by layer; if given, it is put in place of
    what is dropped.
    """
    config = model.config
    group_columns = config.num_attention_heads // config.num_key_value_heads * head_size(config)
    for i, (layer, row) in enumerate(zip(model.model.layers, document["layers"], strict=True)):
        output, down = layer.self_attn.o_proj, layer.mlp.down_proj
        output_mean, down_mean = (None, None) if means is None else means[2 * i : 2 * i + 2]
        keep_only(output, kept_columns(row["headGroups"], group_columns, output.in_features), output_mean)
        size = document["channelBlockSize"]
        keep_only(down, kept_columns(row["channelBlocks"], size, down.in_features), down_mean)


# --- GGUF ------------------------------------------------------------------------------------------


def field(reader, key):
    return reader.fields[key].contents()


def unpermuted(matrix, heads):
    """llama.cpp stores the rows of q and k so that rotated pairs are neighbours; transformers pairs i with i + Dh/2."""
    rows, columns = matrix.shape
    pairs = matrix.reshape(heads, rows // heads // 2, 2, columns)
    return pairs.swapaxes(1, 2).reshape(rows, columns)


def gguf_config(reader):
    heads = field(reader, "llama.attention.head_count")
    return LlamaConfig(
        vocab_size=field(reader, "llama.vocab_size"),
        hidden_size=field(reader, "llama.embedding_length"),
        intermediate_size=field(reader, "llama.feed_forward_length"),
        num_hidden_layers=field(reader, "llama.block_count"),
        num_attention_heads=heads,
        num_key_value_heads=field(reader, "llama.attention.head_count_kv"),
        head_dim=field(reader, "llama.embedding_length") // heads,
        max_position_embeddings=field(reader, "llama.context_length"),
        rms_norm_eps=field(reader, "llama.attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": field(reader, "llama.rope.freq_base")},
        tie_word_embeddings=not any(t.name == "output.weight" for t in reader.tensors),
        bos_token_id=field(reader, "tokenizer.ggml.bos_token_id"),
        eos_token_id=field(reader, "tokenizer.ggml.eos_token_id"),
    )


def gguf_weights(reader, config):
    """Every tensor in fp32 under transformers' names."""
    names = {
        "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
        "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
        "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    }  # fmt: skip
    tops = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    weights = {}
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        stem = tensor.name.removesuffix(".weight")
        if stem in tops:
            name = tops[stem]
        else:
            _, layer, part = stem.split(".")
            name = f"model.layers.{layer}.{names[part]}"
            if part in heads:
                values = unpermuted(values, heads[part])
        weights[name + ".weight"] = torch.from_numpy(np.ascontiguousarray(values))
    return weights


def gguf_model(path):
    """A GGUF of the Llama architecture as transformers' model in fp32, on the CPU."""
    reader = GGUFReader(path)
    config = gguf_config(reader)
    config._attn_implementation = "sdpa"
    model = LlamaForCausalLM(config).float().eval()
    weights = gguf_weights(reader, config)
    if config.tie_word_embeddings:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    model.load_state_dict(weights, strict=True)
    return model


def gguf_tokenizer(path):
    """SmolLM2's tokenizer (pre-tokenizer "smollm"), from the vocabulary and merges in the GGUF."""
    reader = GGUFReader(path)
    assert field(reader, "tokenizer.ggml.pre") == "smollm"
    tokens = field(reader, "tokenizer.ggml.tokens")
    kinds = field(reader, "tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in field(reader, "tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(t, special=True, normalized=False) for t, k in zip(tokens, kinds) if k == CONTROL]
    tokenizer.add_special_tokens(special)
    assert tokenizer.get_vocab_size() == len(tokens)
    return tokenizer
