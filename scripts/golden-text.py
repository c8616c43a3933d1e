#!/usr/bin/env python3
"""usage: scripts/golden-text.py [--model GGUF] [--threads N]

Greedy continuations of SmolLM2-135M-Instruct, 256 tokens of each of 20 prompts, by transformers in
fp32 from the weights of the Q4_1 GGUF dequantised: src/test/resources/dev/rap/golden/smollm2-text.json.
Each token has the lead of its logit over the next: what an error must reach to change it.

Needs what golden-perplexity.py needs. Takes a few minutes.
"""

import argparse
import json
from pathlib import Path

import torch

import oracle

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "src/test/resources/dev/rap/golden/smollm2-text.json"
MODEL = ROOT.parent / "shared/models/SmolLM2-135M-Instruct.Q4_1.gguf"
NEW_TOKENS = 256
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a small village by the sea, there lived",
    "The first law of thermodynamics states that",
    "To bake a simple loaf of bread, you need",
    "In 1969, astronauts",
    "A binary search tree is a data structure in which",
    "The main causes of the First World War were",
    "Dear Sir or Madam,",
    "Photosynthesis is the process by which",
    "def fibonacci(n):\n",
    "The novel begins on a cold morning in November, when",
    "Water boils at a lower temperature on a mountain because",
    "Three reasons to learn a second language:\n1.",
    "The orchestra tuned its instruments while",
    "In economics, inflation is",
    "The old lighthouse keeper climbed the stairs and",
    "A prime number is",
    "Volcanoes form where",
    "My grandmother always told me that",
    "The committee met on Tuesday to discuss",
]


def continuation(model, ids):
    tokens, leads, past, step = [], [], None, ids
    with torch.no_grad():
        for _ in range(NEW_TOKENS):
            output = model(torch.tensor([step]), past_key_values=past, use_cache=True)
            past = output.past_key_values
            best = output.logits[0, -1].topk(2)
            leads.append(float(f"{(best.values[0] - best.values[1]).item():.3g}"))
            step = [best.indices[0].item()]
            tokens += step
    return {"tokens": tokens, "leads": leads}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--model", default=MODEL)
    options.add_argument("--threads", type=int, default=2)
    options = options.parse_args()
    torch.set_num_threads(options.threads)
    model = oracle.gguf_model(options.model)
    tokenizer = oracle.gguf_tokenizer(options.model)
    texts = []
    for prompt in PROMPTS:
        ids = tokenizer.encode(prompt).ids
        texts.append({"prompt": prompt, "promptTokens": ids, **continuation(model, ids)})
        print(prompt, flush=True)
    document = {"versions": oracle.versions(), "continuations": texts}
    GOLDEN.write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
