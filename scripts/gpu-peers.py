#!/usr/bin/env python3
"""usage: scripts/gpu-peers.py [--model GGUF] [--llama FOLDER] [--build FOLDER] [--rap COMMAND]

Measures RAP beside llama.cpp on a GPU, in turn, on the same file: decode of 1, 8 and 32 sequences
after 512 tokens each, and prefill of 512 and 2048 tokens. Prints a table; the last line of standard
output is the same as one JSON document.

  --model  default: an 8B-shaped one of random BF16 weights (random-model.py), written first
  --llama  a folder with llama-bench and llama-batched-bench; else they are built there or in BUILD,
           from the source in PyPI's llama-cpp-python: cmake, nvcc, a C++ compiler, five minutes on 16 cores
  --build  default: target/gpu-peers; a source archive that lies there already is not fetched
  --rap    default: ./rap; on a machine without Java the `run` of scripts/gpu-test.sh's bundle
"""

import argparse
import json
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LLAMA_CPP_PYTHON = "0.3.36"
PROGRAMS = ("llama-bench", "llama-batched-bench")
DECODE = 128


def run(*command, **more):
    print("+", " ".join(map(str, command))[:160], file=sys.stderr)
    return subprocess.run([str(c) for c in command], check=True, text=True, stdout=subprocess.PIPE, **more).stdout


def llama_cpp(build):
    """Builds the two programs; returns their folder."""
    folder = build / "cmake/bin"
    if all((folder / program).exists() for program in PROGRAMS):
        return folder
    name = f"llama_cpp_python-{LLAMA_CPP_PYTHON}"
    source = build / f"{name}.tar.gz"
    if not source.exists():
        run(sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "llama-cpp-python", "-d", build,
            f"llama-cpp-python=={LLAMA_CPP_PYTHON}")
    with tarfile.open(source) as archive:
        archive.extractall(build, filter="data")
    options = ["CMAKE_BUILD_TYPE=Release", "BUILD_SHARED_LIBS=OFF", "GGML_CUDA=ON", "CMAKE_CUDA_ARCHITECTURES=native"]
    options += [f"LLAMA_{part}=OFF" for part in ("BUILD_TESTS", "BUILD_EXAMPLES", "BUILD_SERVER", "BUILD_APP",
                                                 "USE_PREBUILT_UI", "OPENSSL")]
    run("cmake", "-S", build / name / "vendor/llama.cpp", "-B", build / "cmake", *(f"-D{o}" for o in options))
    run("cmake", "--build", build / "cmake", "-j", "--target", *PROGRAMS)
    return folder


def documents(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def measure_llama_cpp(folder, model):
    speeds = {}
    bench = [folder / "llama-bench", "-m", model, "-ngl", 99, "-fa", "on", "-o", "jsonl"]
    for entry in documents(run(*bench, "-p", 0, "-n", DECODE, "-d", 512, "-r", 3)):
        speeds["decode 1"] = entry["avg_ts"]
    for batch in (512, 2048):  # whichever serves it better
        for entry in documents(run(*bench, "-p", "512,2048", "-n", 0, "-b", 2048, "-ub", batch, "-r", 5)):
            key = f"prefill {entry['n_prompt']}"
            speeds[key] = max(speeds.get(key, 0), entry["avg_ts"])
    batched = run(folder / "llama-batched-bench", "-m", model, "-ngl", 99, "-fa", "on", "-c", 32 * (512 + DECODE),
                  "-npp", 512, "-ntg", DECODE, "-npl", "8,32", "--output-format", "jsonl")
    for entry in documents(batched):
        speeds[f"decode {entry['pl']}"] = entry["speed_tg"]
    return speeds


def measure_rap(rap, model):
    def bench(*options):
        output = run(rap, "bench", model, "--backend", "cuda", "--json", "--repetitions", 3, *options)
        return documents(output)[-1]

    speeds = {"read TB/s": None}
    for batch in (1, 8, 32):
        figures = bench("--prefill", 512, "--decode", DECODE, "--batch", batch)
        speeds[f"decode {batch}"] = figures["decodeTokensPerSecond"]
        speeds["read TB/s"] = figures["ceilings"]["readBytesPerSecond"] / 1e12
        if batch == 1:
            speeds["prefill 512"] = figures["prefillTokensPerSecond"]
    speeds["prefill 2048"] = bench("--prefill", 2048, "--decode", 8)["prefillTokensPerSecond"]
    return speeds


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--model", type=Path)
    options.add_argument("--llama", type=Path)
    options.add_argument("--build", type=Path, default=ROOT / "target/gpu-peers")
    options.add_argument("--rap", default=ROOT / "rap")
    options = options.parse_args()
    options.build.mkdir(parents=True, exist_ok=True)
    folder = options.llama or llama_cpp(options.build.resolve())
    model = options.model or options.build / "llama3-8b.gguf"
    if not model.exists():
        run(sys.executable, ROOT / "scripts/random-model.py", model)
    theirs = measure_llama_cpp(folder, model)
    ours = measure_rap(options.rap, model)
    device = run("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").strip()
    print(f"{device}; tokens per second; a plain read of memory reaches {ours.pop('read TB/s'):.2f} TB/s\n")
    print("| | llama.cpp | RAP | ratio |\n|---|---|---|---|")
    order = [f"decode {batch}" for batch in (1, 8, 32)] + [f"prefill {tokens}" for tokens in (512, 2048)]
    rows = [{"what": what, "llama.cpp": theirs[what], "rap": ours[what]} for what in order]
    for row in rows:
        print(f"| {row['what']} | {row['llama.cpp']:,.1f} | {row['rap']:,.1f} | {row['rap'] / row['llama.cpp']:.2f} |")
    print(json.dumps({"device": device, "rows": rows}))


if __name__ == "__main__":
    main()
