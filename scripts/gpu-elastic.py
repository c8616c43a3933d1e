#!/usr/bin/env python3
"""usage: scripts/gpu-elastic.py MODEL.gguf [CHANGES] [RAP...]

Memory that RAP gives back, seen from another process: runs `rap bench MODEL --backend cuda --batch 16
--elastic CHANGES`, reads the device's free memory here every half millisecond meanwhile
(cuMemGetInfo), and prints when it rose and fell beside what RAP says. RAP is the command that runs
it; ./rap by default.
"""

import ctypes
import json
import subprocess
import sys
import threading
import time
from pathlib import Path


def watch(samples, stop):
    """Appends (monotonic nanoseconds, free bytes) whenever it changes."""
    cuda = ctypes.CDLL("libcuda.so.1")

    def check(status):
        if status:
            sys.exit(f"gpu-elastic: the driver answers {status}")

    check(cuda.cuInit(0))
    context = ctypes.c_void_p()
    check(cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0))
    check(cuda.cuCtxSetCurrent(context))
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    last = None
    while not stop.is_set():
        check(cuda.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)))
        if free.value != last:
            last = free.value
            samples.append((time.monotonic_ns(), last))
        time.sleep(0.0005)


def after(samples, since, bytes_, rising):
    """Milliseconds until free memory first moved, and until it had moved by bytes_."""
    before = [free for at, free in samples if at <= since][-1]
    first = full = None
    for at, free in samples:
        moved = (free - before) if rising else (before - free)
        if at > since and moved > 0:
            first = first or at
            if moved >= bytes_:
                full = at
                break
    return [None if at is None else (at - since) / 1e6 for at in (first, full)]


def main():
    model = sys.argv[1]
    changes = sys.argv[2] if len(sys.argv) > 2 else "5"
    rap = sys.argv[3:] or [str(Path(__file__).resolve().parent.parent / "rap")]
    samples, stop = [], threading.Event()
    watcher = threading.Thread(target=watch, args=(samples, stop))
    watcher.start()
    run = subprocess.run(
        [*rap, "bench", model, "--backend", "cuda", "--batch", "16", "--elastic", changes, "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    stop.set()
    watcher.join()
    if run.returncode:
        sys.exit(run.returncode)
    figures = json.loads(run.stdout.splitlines()[-1])
    dense = figures["dense"]
    print(f"dense step: median {dense['medianMillis']:.2f} ms, p99 {dense['p99Millis']:.2f} ms")
    print("given back: bytes, first seen, all seen, RAP says all, longest step, times the median")
    for change in figures["changes"]:
        first, full = after(samples, change["dropNanos"], change["bytes"], True)
        longest = change["dropping"]["longestMillis"]
        print(
            f"  {change['bytes'] / 2**30:.2f} GiB  {first} ms  {full} ms  {change['dropMillis']:.1f} ms"
            f"  {longest:.2f} ms  {longest / dense['medianMillis']:.2f}"
        )
    print("taken again: all seen, RAP says ready, p99 step, times the median, longest; pruned median")
    for change in figures["changes"]:
        _, full = after(samples, change["returnNanos"], change["bytes"], False)
        p99 = change["returning"]["p99Millis"]
        print(
            f"  {full} ms  {change['returnMillis']:.1f} ms  {p99:.2f} ms"
            f"  {p99 / dense['medianMillis']:.2f}  {change['returning']['longestMillis']:.2f} ms"
            f"  {change['pruned']['medianMillis']:.2f} ms"
        )
    print(f"left at the end: {figures['leftBytes']} bytes")


main()
