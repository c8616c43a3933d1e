#!/usr/bin/env python3
"""usage: scripts/golden-gpu.py OUT.json MODEL...

Logits that transformers computes on this machine's GPU, in fp32, bf16 and fp16, for a Llama GGUF or
each Hugging Face folder: what GpuGoldenTest holds RAP's error against. Run by scripts/gpu-test.sh's
bundle where there are torch and transformers.

OUT.json: device, versions; models, each its path, tokens, positions, and the logits of fp32, bf16,
fp16 at these positions, [positions, vocabulary].

Needs: torch, transformers; for a GGUF what oracle.py needs.
"""

import importlib.metadata
import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

TEXT = "src/test/resources/dev/rap/golden/smollm2-text.json"  # beside the scripts or above them
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
MOST_POSITIONS = 4


def load(path):
    """The model in fp32 on the CPU."""
    if path.is_dir():
        return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="eager")
    import oracle

    return oracle.gguf_model(path)


def tokens_of(path):
    """All that golden-logits.py chose for the folder, or English that SmolLM2 wrote."""
    if (path / "golden.json").exists():
        golden = json.loads((path / "golden.json").read_text())
        return golden["tokens"], list(range(len(golden["tokens"])))
    text = json.loads((Path(__file__).resolve().parent.parent / TEXT).read_text())["continuations"][1]
    tokens = text["promptTokens"] + text["tokens"]
    last = len(tokens) - 1
    return tokens, [last * (i + 1) // MOST_POSITIONS for i in range(MOST_POSITIONS)]


def logits(model, dtype, tokens, positions):
    model = model.to(device="cuda", dtype=dtype)
    with torch.no_grad():
        rows = model(torch.tensor([tokens], device="cuda")).logits[0, positions].float()
    return rows.cpu()


def golden(path):
    tokens, positions = tokens_of(path)
    document = {"path": str(path), "tokens": tokens, "positions": positions}
    found = {name: logits(load(path), dtype, tokens, positions) for name, dtype in TYPES.items()}
    for name, rows in found.items():
        error = ((rows - found["fp32"]).norm() / found["fp32"].norm()).item()
        print(f"{path.name}: {name} is off by {error:.2e} of the norm", file=sys.stderr)
        document[name] = [[float(f"{x:.9g}") for x in row] for row in rows.tolist()]
    return document


def main(out, models):
    torch.backends.cuda.matmul.allow_tf32 = False
    document = {
        "device": torch.cuda.get_device_name(),
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers")},
        "models": [golden(Path(model)) for model in models],
    }
    Path(out).write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
