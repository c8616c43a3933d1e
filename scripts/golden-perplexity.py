#!/usr/bin/env python3
"""usage: scripts/golden-perplexity.py [--model GGUF] [--text FILE] [--threads N] [--whole]

Perplexity and greedy continuations of SmolLM2-135M-Instruct by transformers in fp32, from the
weights of the Q4_1 GGUF dequantised: src/test/resources/dev/rap/golden/smollm2.json. Dense, with
dropped sublayers, and with a mask of mixed head groups and channel blocks, all as zeroed columns.

Protocol: the whole text at once, no BOS, windows of 2048 tokens that do not overlap, the tail
dropped, every position of a window but the first scored. First 8 windows of each case; with --whole
then the whole text of each, the file being written anew after each (about an hour a case on one core).

smollm2.json: firstWindow, the tokens of window 1; cases, each a mask (null: dense), sums of negative
log likelihoods in nats, windowNll for each of the 8 windows, prefixNll for the first n tokens of
window 1 (n - 1 scored); continuations, each with the smallest lead of a chosen token's logit over
the next: what an error must reach to change the text.

Defaults: ../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf, ../shared/data/wikitext-2/test.txt.
Needs: pip install torch==2.11.0 transformers==5.23.0 tokenizers==0.23.3 gguf==0.19.0 numpy; 2 GB of memory.
"""

import argparse
import hashlib
import json
import time
from pathlib import Path

import torch

import oracle

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
GOLDEN = ROOT / "src/test/resources/dev/rap/golden/smollm2.json"
WINDOW = 2048
WINDOWS = 8
CHUNK = 256  # positions whose logits over 49,152 tokens are held at once
PREFIXES = (64, 128, 256, 512, 1024)
CHANNEL_BLOCK = 128

# name -> {layer: (head groups of 3, channel blocks of 12)}.
MASKS = {
    "dropped sublayers": {
        18: ("all", "none"),
        20: ("none", "all"),
        24: ("all", "none"),
        25: ("none", "all"),
    },
    "mixed units": {
        4: ([0, 2], "all"),
        7: ("all", [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]),
        12: ([1, 2], [0, 2, 3, 4, 6, 7, 8, 9, 10]),
        17: ("none", [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]),
        20: ([0], "none"),
        23: ([1], [0, 11]),
        26: ([0, 1], [3, 4, 5, 6, 7, 8]),
    },
}

PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a small village by the sea, there lived",
    "<|im_start|>user\nWhy is the sky blue? Answer in two sentences.<|im_end|>\n<|im_start|>assistant\n",
]
NEW_TOKENS = 64


def window_losses(model, tokens):
    """Negative log likelihoods (nats) of all tokens of a window but the first, fp64."""
    losses = []
    with torch.no_grad():
        # The last state predicts a token of the next window, which is not scored.
        states = model.model(torch.tensor([tokens])).last_hidden_state[0, :-1]
        targets = torch.tensor(tokens[1:])
        for start in range(0, len(targets), CHUNK):
            logits = model.lm_head(states[start : start + CHUNK]).double()
            chosen = targets[start : start + CHUNK]
            losses.append(torch.nn.functional.cross_entropy(logits, chosen, reduction="none"))
    return torch.cat(losses)


def score(model, tokens, windows, name):
    """Losses [windows, WINDOW - 1]."""
    losses = []
    for i in range(windows):
        started = time.monotonic()
        losses.append(window_losses(model, tokens[i * WINDOW : (i + 1) * WINDOW]))
        so_far = torch.stack(losses).mean().exp().item()
        speed = WINDOW / (time.monotonic() - started)
        print(f"{name}: window {i + 1}/{windows}: perplexity so far {so_far:.4f}, {speed:.0f} tokens/s", flush=True)
    return torch.stack(losses)


def summary(losses):
    return {
        "windows": losses.shape[0],
        "scored": losses.numel(),
        "nll": round(losses.sum().item(), 4),
        "perplexity": round(losses.mean().exp().item(), 5),
    }


def continuation(model, tokenizer, prompt):
    """Greedy tokens, and the smallest lead of a chosen token's logit: what an error must reach to change one."""
    prompt_ids = tokenizer.encode(prompt).ids
    ids, past, leads = [], None, []
    step = prompt_ids
    with torch.no_grad():
        for _ in range(NEW_TOKENS):
            output = model(torch.tensor([step]), past_key_values=past, use_cache=True)
            past = output.past_key_values
            best = output.logits[0, -1].topk(2)
            leads.append((best.values[0] - best.values[1]).item())
            step = [best.indices[0].item()]
            ids += step
    return {
        "prompt": prompt,
        "promptTokens": prompt_ids,
        "tokens": ids,
        "text": tokenizer.decode(ids, skip_special_tokens=False),
        "smallestLead": float(f"{min(leads):.4g}"),
        "smallestLeadAt": leads.index(min(leads)),
    }


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def masked_model(path, name):
    """Freshly loaded weights with a mask's units zeroed, and the mask."""
    model = oracle.gguf_model(path)
    if name == "dense":
        return model, None
    document = oracle.mask(model.config, CHANNEL_BLOCK, MASKS[name])
    oracle.apply_mask(model, document)
    return model, document


def golden_case(path, tokens, name):
    model, document = masked_model(path, name)
    losses = score(model, tokens, WINDOWS, name)
    return {
        "name": name,
        "mask": document,
        **summary(losses),
        "windowNll": [round(loss, 4) for loss in losses.sum(1).tolist()],
        "prefixNll": {n: round(losses[0, : n - 1].sum().item(), 4) for n in PREFIXES},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--model", default=SHARED / "models/SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--text", default=SHARED / "data/wikitext-2/test.txt")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--whole", action="store_true", help="the whole text too")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    tokenizer = oracle.gguf_tokenizer(arguments.model)
    tokens = tokenizer.encode(Path(arguments.text).read_text(encoding="utf-8")).ids
    document = {
        "script": "scripts/golden-perplexity.py",
        "versions": oracle.versions(),
        "model": {"file": Path(arguments.model).name, "sha256": sha256(arguments.model)},
        "text": {"file": Path(arguments.text).name, "sha256": sha256(arguments.text), "tokens": len(tokens)},
        "window": WINDOW,
    }
    print(f"{len(tokens)} tokens")
    document["firstWindow"] = tokens[:WINDOW]
    names = ["dense", *MASKS]
    document["cases"] = [golden_case(arguments.model, tokens, name) for name in names]
    model = oracle.gguf_model(arguments.model)
    document["continuations"] = [continuation(model, tokenizer, prompt) for prompt in PROMPTS]
    GOLDEN.write_text(json.dumps(document) + "\n")
    if arguments.whole:
        for name, case in zip(names, document["cases"]):
            model, _ = masked_model(arguments.model, name)
            case["wholeText"] = summary(score(model, tokens, len(tokens) // WINDOW, name))
            GOLDEN.write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
