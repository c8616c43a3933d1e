#!/usr/bin/env python3
"""usage: scripts/peers-table.py RESULTS THREADS FORMAT...

Prints what peers.sh measured (RESULTS/FORMAT.ENGINE.json, RESULTS/FORMAT-start.ENGINE.json): tokens
per second, RAP's as a ratio to the peer's; how processes start and what they hold; then one JSON
document.
"""

import json
import platform
import sys
from pathlib import Path

CONTEXT = 640  # of the processes whose memory was measured


def speeds(path):
    """(prefill, decode) tokens per second, or None where the engine was left out."""
    if not path.exists():
        return None
    document = json.loads(path.read_text())
    if isinstance(document, list):  # llama-bench: one entry a test
        prefill = next(e["avg_ts"] for e in document if e["n_gen"] == 0)
        return prefill, next(e["avg_ts"] for e in document if e["n_prompt"] == 0)
    return document["prefillTokensPerSecond"], document["decodeTokensPerSecond"]


def start(path):
    """(seconds until the first token, most resident bytes), or None."""
    if not path.exists():
        return None
    document = json.loads(path.read_text())
    return document["firstTokenSeconds"], document["mostResidentBytes"]


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((l.split(":")[1].strip() for l in lines if l.startswith("model name")), platform.machine())


def number(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def speed_rows(results, formats):
    print("| weights | peer | its prefill | its decode | rap prefill | rap decode | ratio prefill | ratio decode |")
    print("|---|---|---|---|---|---|---|---|")
    for weights, peer in [*((f, "llama.cpp") for f in formats), ("bf16", "jlama")]:
        theirs = speeds(results / f"{weights}.{peer}.json")
        ours = speeds(results / f"{weights}.rap.json")
        if theirs is None and ours is None:
            continue
        ratios = [o / t for o, t in zip(ours, theirs)] if theirs and ours else [None, None]
        cells = [*(theirs or [None, None]), *(ours or [None, None])]
        shown = [*(number(c, 1) for c in cells), *(number(r, 2) for r in ratios)]
        print(f"| {weights.upper()} | {peer} | {' | '.join(shown)} |")
        keys = ("peerPrefill", "peerDecode", "rapPrefill", "rapDecode", "prefillRatio", "decodeRatio")
        yield {"weights": weights, "peer": peer, **dict(zip(keys, [*cells, *ratios]))}


def start_rows(results, formats):
    print("\n| weights | first token: llama.cpp | rap | file and KV, MB | most resident: llama.cpp | rap | rap to file and KV |")
    print("|---|---|---|---|---|---|---|")
    for weights in formats:
        if not (results / f"{weights}.shape.json").exists():
            continue
        theirs = start(results / f"{weights}-start.llama.cpp.json") or (None, None)
        ours = start(results / f"{weights}-start.rap.json") or (None, None)
        shape = json.loads((results / f"{weights}.shape.json").read_text())
        needed = Path(shape["path"]).stat().st_size + CONTEXT * shape["kvBytesPerToken"]
        ratio = ours[1] and ours[1] / needed
        cells = [number(theirs[0], 2) + " s", number(ours[0], 2) + " s", number(needed / 1e6, 0)]
        cells += [number(m and m / 1e6, 0) for m in (theirs[1], ours[1])]
        print(f"| {weights.upper()} | {' | '.join(cells)} | {number(ratio, 2)} |")
        keys = ("peerSeconds", "rapSeconds", "fileAndKvBytes", "peerResidentBytes", "rapResidentBytes")
        yield {"weights": weights, **dict(zip(keys, [theirs[0], ours[0], needed, theirs[1], ours[1]]))}


def main(results, threads, formats):
    print(f"{processor()}, {threads} threads; tokens per second\n")
    rows = list(speed_rows(results, formats))
    starts = list(start_rows(results, formats))
    print(json.dumps({"processor": processor(), "threads": threads, "rows": rows, "starts": starts}))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
