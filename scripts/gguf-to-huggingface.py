#!/usr/bin/env python3
"""usage: scripts/gguf-to-huggingface.py GGUF FOLDER

Writes a SmolLM2 GGUF as a Hugging Face folder: config.json, tokenizer.json, model.safetensors in
bf16. For peers that read no GGUF.

Needs: pip install torch==2.11.0 transformers==5.23.0 tokenizers==0.23.3 gguf==0.19.0 safetensors==0.8.0
"""

import json
import sys
from pathlib import Path

import torch
from gguf import GGUFReader
from safetensors.torch import save_file

import oracle

KEYS = (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
    "num_key_value_heads", "head_dim", "max_position_embeddings", "rms_norm_eps", "hidden_act",
    "tie_word_embeddings", "bos_token_id", "eos_token_id",
)  # fmt: skip


def main(gguf, folder):
    folder.mkdir(parents=True, exist_ok=True)
    reader = GGUFReader(gguf)
    config = oracle.gguf_config(reader)
    document = {key: getattr(config, key) for key in KEYS} | {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "torch_dtype": "bfloat16",
        "rope_theta": config.rope_parameters["rope_theta"],
    }
    (folder / "config.json").write_text(json.dumps(document, indent=1) + "\n")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({
            "tokenizer_class": "GPT2Tokenizer",
            "eos_token": "<|im_end|>",
            "bos_token": "<|im_start|>",
            "chat_template": oracle.field(reader, "tokenizer.chat_template"),
        })
    )
    oracle.gguf_tokenizer(gguf).save(str(folder / "tokenizer.json"))
    weights = {name: w.to(torch.bfloat16) for name, w in oracle.gguf_weights(reader, config).items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
