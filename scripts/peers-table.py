#!/usr/bin/env python3
"""usage: scripts/peers-table.py RESULTS THREADS FORMAT...

Prints what peers.sh measured (RESULTS/FORMAT.ENGINE.json): tokens per second, RAP's as a ratio to
the peer's, then one JSON document.
"""

import json
import platform
import sys
from pathlib import Path


def speeds(path):
    """(prefill, decode) tokens per second, or None where the engine was left out."""
    if not path.exists():
        return None
    document = json.loads(path.read_text())
    if isinstance(document, list):  # llama-bench: one entry a test
        prefill = next(e["avg_ts"] for e in document if e["n_gen"] == 0)
        return prefill, next(e["avg_ts"] for e in document if e["n_prompt"] == 0)
    return document["prefillTokensPerSecond"], document["decodeTokensPerSecond"]


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((l.split(":")[1].strip() for l in lines if l.startswith("model name")), platform.machine())


def main(results, threads, formats):
    print(f"{processor()}, {threads} threads; tokens per second\n")
    print("| weights | peer | its prefill | its decode | rap prefill | rap decode | ratio prefill | ratio decode |")
    print("|---|---|---|---|---|---|---|---|")
    rows = []
    for weights, peer in [*((f, "llama.cpp") for f in formats), ("bf16", "jlama")]:
        theirs = speeds(results / f"{weights}.{peer}.json")
        ours = speeds(results / f"{weights}.rap.json")
        if theirs is None and ours is None:
            continue
        ratios = [o / t for o, t in zip(ours, theirs)] if theirs and ours else [None, None]
        cells = [*(theirs or [None, None]), *(ours or [None, None])]
        shown = ["-" if c is None else f"{c:.1f}" for c in cells]
        shown += ["-" if r is None else f"{r:.2f}" for r in ratios]
        print(f"| {weights.upper()} | {peer} | {' | '.join(shown)} |")
        keys = ("peerPrefill", "peerDecode", "rapPrefill", "rapDecode", "prefillRatio", "decodeRatio")
        rows.append({"weights": weights, "peer": peer, **dict(zip(keys, [*cells, *ratios]))})
    print(json.dumps({"processor": processor(), "threads": threads, "rows": rows}))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
