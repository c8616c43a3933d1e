#!/usr/bin/env python3
"""usage: scripts/static-arms.py MODEL.gguf TEXT [--shares 80,60] [--requests N] [--seconds S] [--batch B]
                              [--rap COMMAND] [--backend cpu|cuda] [--llama PYTHON]
                              [--profile FILE]

The same requests, in the same time, by engines whose memory falls to a share of the whole and comes back:
  elastic      RAP: has the whole for a third of the time, then the share, then the whole again
  dense        RAP without pruning: what does not fit the smaller memory waits, or is refused
  llama.cpp    dense too; one request after another where the smaller memory holds one beside the weights
  transformers the same on a GPU, in F16; PyTorch is held to the smaller memory, what does not fit fails
Engines that cannot shrink get the smaller memory from the beginning: what they had more they would have
to give back. The whole is what RAP holds for B sequences: weights, KV cache and workspace. llama.cpp's
workspace is not counted.

Prompts are from TEXT, tokens are drawn at temperature 1 from all tokens. Each row says how many were
drawn, what came of the requests, and the perplexity that the dense model in fp32 (transformers) gives to
what was drawn: better text has less, and text of the dense model itself shows how little there can be.
The last line of standard output is the table as one JSON document.

  --llama    a Python that has llama-cpp-python; without it that row is left out
  --profile  the model's, for the policy; default: beside the model, as rap calibrate makes it

Needs: pip install torch==2.11.0 transformers==5.23.0 tokenizers==0.23.3 gguf==0.19.0 numpy
"""

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

# Runs where llama-cpp-python is: one request after another, until time is up.
LLAMA = """
import json, sys, time
from llama_cpp import Llama
model, file, context, seconds, layers = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
llama = Llama(model, n_ctx=context, n_gpu_layers=layers, verbose=False)
start, served = time.monotonic(), []
for i, request in enumerate(map(json.loads, open(file))):
    time.sleep(max(0, request["arrival"] - (time.monotonic() - start)))
    prompt = llama.tokenize(request["prompt"].encode(), add_bos=False)
    tokens, first = list(prompt), -1
    llama.set_seed(i)
    for token in llama.generate(prompt, top_k=0, top_p=1.0, min_p=0.0, temp=1.0, repeat_penalty=1.0):
        now = time.monotonic() - start
        if now > seconds:
            break
        first = now - request["arrival"] if first < 0 else first
        tokens.append(token)
        if len(tokens) - len(prompt) == request["tokens"]:
            break
    isDone = len(tokens) - len(prompt) == request["tokens"]
    served.append({"promptTokens": len(prompt), "tokens": tokens, "firstSeconds": first,
                   "finishReason": "length" if isDone else "time"})
    if time.monotonic() - start > seconds:
        break
print(json.dumps(served))
"""


def run(*command):
    print("+", " ".join(str(part) for part in command)[:200].replace("\n", " "), file=sys.stderr)
    return subprocess.run([str(part) for part in command], check=True, text=True, stdout=subprocess.PIPE).stdout


def write_requests(file, text, count, seconds):
    """Requests of 20 to 60 words, that come in the first two thirds of the time."""
    chance = random.Random(0)
    words = text.split()
    arrivals = sorted(chance.uniform(0, 2 / 3 * seconds) for _ in range(count))
    with open(file, "w") as out:
        for arrival in arrivals:
            first = chance.randrange(len(words) - 60)
            prompt = " ".join(words[first : first + chance.randrange(20, 60)])
            out.write(json.dumps({"arrival": arrival, "prompt": prompt, "tokens": chance.randrange(64, 256)}) + "\n")


def rap(options, requests, *more):
    out = run(options.rap, "bench", options.model, "--requests", requests, "--seconds", options.seconds, "--batch",
              options.batch, "--backend", options.backend, "--json", *more)
    return json.loads(out.splitlines()[-1])


def llama_cpp(options, requests, room, kv_token_bytes):
    """None where the weights leave no room for a request."""
    room -= options.model.stat().st_size
    longest = 60 * 3 + 256  # three tokens a word are more than there are
    if room < longest * kv_token_bytes:
        return []
    layers = -1 if options.backend == "cuda" else 0
    return json.loads(run(options.llama, "-c", LLAMA, options.model, requests, longest, options.seconds, layers))


class Transformers:
    """One request after another on the GPU, until time is up."""

    def __init__(self, path):
        import oracle
        import torch

        self.torch = torch
        self.model = oracle.gguf_model(path).half().cuda().eval()
        self.generate([0, 1], 8)  # until all is compiled

    def generate(self, prompt, count):
        ids = self.torch.tensor([prompt], device="cuda")
        drawn = self.model.generate(ids, max_new_tokens=count, min_new_tokens=count, do_sample=True, temperature=1.0,
                                    top_k=0, top_p=1.0, pad_token_id=0)
        return drawn[0].tolist()

    def serve(self, requests, prompts, room, seconds):
        torch = self.torch
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(room / torch.cuda.get_device_properties(0).total_memory)
        start, served = time.monotonic(), []
        for i, (request, prompt) in enumerate(zip(requests, prompts, strict=True)):
            time.sleep(max(0, request["arrival"] - (time.monotonic() - start)))
            if time.monotonic() - start > seconds:
                break
            torch.manual_seed(i)
            tokens, reason = prompt, "memory"
            try:
                tokens, reason = self.generate(prompt, request["tokens"]), "length"
            except torch.OutOfMemoryError:
                torch.cuda.empty_cache()
            served.append({"promptTokens": len(prompt), "tokens": tokens, "firstSeconds": -1, "finishReason": reason})
        torch.cuda.set_per_process_memory_fraction(1.0)
        return served


class Judge:
    def __init__(self, path):
        import oracle
        import torch

        self.torch = torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = oracle.gguf_model(path).float().eval().to(self.device)

    def perplexity(self, served):
        nll, count = 0.0, 0
        for one in served:
            tokens, prompt = one["tokens"], one["promptTokens"]
            if len(tokens) == prompt:
                continue
            ids = self.torch.tensor([tokens], device=self.device)
            with self.torch.no_grad():
                rows = self.model(ids).logits[0, prompt - 1 : -1].log_softmax(-1)
            nll -= rows.gather(1, ids[0, prompt:, None]).sum().item()
            count += len(tokens) - prompt
        return math.exp(nll / count) if count else None


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model", type=Path)
    options.add_argument("text", type=Path)
    options.add_argument("--shares", default="80,60")
    options.add_argument("--requests", type=int, default=40)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--batch", type=int, default=8)
    options.add_argument("--rap", default=ROOT / "rap")
    options.add_argument("--backend", default="cpu")
    options.add_argument("--llama")
    options.add_argument("--profile")
    options = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        requests = Path(folder) / "requests.jsonl"
        write_requests(requests, options.text.read_text(), options.requests, options.seconds)
        judge = Judge(options.model)
        transformers = Transformers(options.model) if options.backend == "cuda" else None
        wanted = [json.loads(line) for line in requests.read_text().splitlines()]

        def row(memory, arm, served):
            by_reason = [sum(one["finishReason"] == reason for one in served) for reason in ("length", "memory")]
            first = sorted(one["firstSeconds"] for one in served if one["firstSeconds"] >= 0)
            rows.append({
                "memory": memory,
                "arm": arm,
                "tokens": sum(len(one["tokens"]) - one["promptTokens"] for one in served),
                "done": by_reason[0],
                "refused": by_reason[1],
                "unserved": options.requests - sum(by_reason),
                "medianFirstSeconds": first[len(first) // 2] if first else None,
                "perplexity": judge.perplexity(served),
            })
            print(rows[-1], file=sys.stderr)

        dense = rap(options, requests)
        row("100 %", "dense", dense["requests"])
        config = judge.model.config
        head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        kv_token_bytes = 2 * config.num_hidden_layers * config.num_key_value_heads * head_size * 2
        for share in options.shares.split(","):
            third = round(options.seconds * 1000 / 3)
            falls = f"0=100%,{third}ms={share}%,{2 * third}ms=100%"
            elastic = ["--recompute", "--budget-schedule", falls]
            elastic += ["--profile", options.profile] if options.profile else []
            row(f"{share} %", "elastic", rap(options, requests, *elastic)["requests"])
            static = ("--policy", "dense", "--budget-schedule", f"0={share}%")
            row(f"{share} %", "dense", rap(options, requests, *static)["requests"])
            room = dense["wholeBytes"] * float(share) / 100
            if options.llama:
                row(f"{share} %", "llama.cpp", llama_cpp(options, requests, room, kv_token_bytes))
            if transformers:
                prompts = [one["tokens"][: one["promptTokens"]] for one in dense["requests"]]
                row(f"{share} %", "transformers", transformers.serve(wanted, prompts, room, options.seconds))
    print("| memory | engine | tokens | done | refused | not served in time | median wait, s | perplexity |")
    print("|---|---|---|---|---|---|---|---|")
    for r in rows:
        wait = "" if r["medianFirstSeconds"] is None else f"{r['medianFirstSeconds']:.2f}"
        perplexity = "" if r["perplexity"] is None else f"{r['perplexity']:.1f}"
        print(f"| {r['memory']} | {r['arm']} | {r['tokens']:,} | {r['done']} | {r['refused']} | {r['unserved']} |"
              f" {wait} | {perplexity} |")
    print(json.dumps({"wholeBytes": dense["wholeBytes"], "seconds": options.seconds, "rows": rows}))


if __name__ == "__main__":
    main()
