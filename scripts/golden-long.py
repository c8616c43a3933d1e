#!/usr/bin/env python3
"""usage: scripts/golden-long.py

Writes src/test/resources/dev/rap/golden/long.json: logits that transformers computes in fp32, with the
tiny model mha-biased of scripts/golden-logits.py, at the last position of contexts of 8,192 and 32,768
tokens. Token i is (x_i >> 16) % 64, where x_0 = 1 and x_(i+1) = (1103515245 x_i + 12345) mod 2^31.

Needs: pip install torch==2.11.0 transformers==5.23.0 safetensors==0.8.0
"""

import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

GOLDEN = Path(__file__).resolve().parent.parent / "src/test/resources/dev/rap/golden"
LENGTHS = [8192, 32768]


def tokens(count):
    x, drawn = 1, []
    for _ in range(count):
        drawn.append((x >> 16) % 64)
        x = (1103515245 * x + 12345) % 2**31
    return drawn


def last_logits(model, length):
    with torch.no_grad():
        ids = torch.tensor([tokens(length)])
        return model(ids, use_cache=False, logits_to_keep=1).logits[0, -1].tolist()


def main():
    model = AutoModelForCausalLM.from_pretrained(
        GOLDEN / "mha-biased", dtype=torch.float32, attn_implementation="sdpa"
    )
    cases = [{"length": n, "logits": last_logits(model, n)} for n in LENGTHS]
    (GOLDEN / "long.json").write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()
