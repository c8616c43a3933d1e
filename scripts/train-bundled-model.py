#!/usr/bin/env python3
"""usage: scripts/train-bundled-model.py --smollm2 FILE.gguf --out FOLDER [--generate-seconds N] ...

Makes the bundled model, start to end: SmolLM2-135M-Instruct writes simple stories and explanations,
a BPE vocabulary of 4,096 is learnt from them, a Llama decoder of 12 M parameters is trained on them,
and the result is written as GGUF Q8_0 with its calibration and test text.

Wants one GPU of 80 GB (PyTorch 2.11, tokenizers 0.23, numpy; Triton makes it several times faster)
and about 8 minutes; --tiny runs every step on a CPU in a few minutes, for a look at the script itself.
Every file in FOLDER appears as early as it can and is replaced whole, so a run that is cut off
leaves what it had:
  model.gguf  tokenizer.json  calibration.txt  test.txt  MODEL-CARD.md  corpus.txt.bz2  log.txt
"""

import argparse
import platform
import queue
import shlex
import sys
import threading
import time
from pathlib import Path

import numpy as np
import tokenizers
import torch

from bundled_model import corpus as corpora
from bundled_model import decode, export, prompts
from bundled_model import student as students

NAME = "RAP bundled stories 12M"
PROMPTS = ["Once there was a small", "One day, Tom found", "A bridge is", "\"Look!\" said Lily."]


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--smollm2", help="SmolLM2-135M-Instruct as GGUF (Q4_1)")
    parser.add_argument("--out", required=True, type=Path, help="folder for the results")
    parser.add_argument("--generate-seconds", type=float, default=230, help="0: --corpus alone")
    parser.add_argument("--train-seconds", type=float, default=230)
    parser.add_argument("--total-seconds", type=float, default=530, help="training is cut to fit")
    parser.add_argument("--corpus", type=Path, help="corpus.txt.bz2 of an earlier run, used as well")
    parser.add_argument("--slots", type=int, default=4096, help="texts written at the same time")
    parser.add_argument("--shortest", type=int, default=60, help="tokens before a text may end")
    parser.add_argument("--text-tokens", type=int, default=304, help="longest text with its prompt")
    parser.add_argument("--prompts", type=int, default=300_000)
    parser.add_argument("--temperature", type=float, default=0.95)
    parser.add_argument("--min-p", type=float, default=0.1, help="0 to 1; 1 is greedy")
    parser.add_argument("--repetition", type=float, default=0.6, help="0: words repeat freely")
    parser.add_argument("--held-out", type=float, default=0.01, help="share of each smaller split")
    parser.add_argument("--layers", type=int, default=14)
    parser.add_argument("--batch", type=int, default=256, help="windows of 512 tokens a step")
    parser.add_argument("--muon-rate", type=float, default=0.02)
    parser.add_argument("--adam-rate", type=float, default=0.003)
    parser.add_argument("--corpus-mib", type=float, default=15, help="limit of corpus.txt.bz2")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tiny", action="store_true", help="a few slots, prompts and layers")
    options = parser.parse_args()
    if options.generate_seconds > 0 and not options.smollm2:
        parser.error("--smollm2 FILE.gguf is needed to generate text")
    if options.tiny:
        options.slots, options.prompts, options.text_tokens = 8, 500, 192
        options.held_out, options.layers, options.batch = 0.1, 3, 4
    return options


class Log:
    """Standard output, kept in a file as well."""

    def __init__(self, path):
        self._file, self._screen = open(path, "a"), sys.stdout

    def write(self, text):
        self._screen.write(text)
        self._file.write(text)

    def flush(self):
        self._screen.flush()
        self._file.flush()

    def __getattr__(self, name):
        return getattr(self._screen, name)


def replace_text(path, text):
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


class Writer:
    """Takes the teacher's log on a thread of its own: texts to the corpus, early files to disk."""

    def __init__(self, collector, corpus, out, corpus_bytes):
        self._collector, self._corpus, self._out = collector, corpus, out
        self._file = corpora.CorpusFile(out / "corpus.txt.bz2", corpus_bytes)
        self._queue = queue.Queue()
        self._failure = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def put(self, log):
        if self._failure:  # better now than after minutes of text that nobody keeps
            raise self._failure
        self._queue.put(log)

    def finish(self):
        self._queue.put(None)
        self._thread.join()
        if self._failure:
            raise self._failure
        self._file.close()
        save_texts(self._corpus, self._out)

    def _work(self):
        try:
            self._take_logs()
        except Exception as failure:
            self._failure = failure

    def _take_logs(self):
        next_save = time.monotonic() + 20
        while (log := self._queue.get()) is not None:
            for prompt, text, _ in self._collector.take(log):
                kept = self._corpus.add(prompt.key, text)
                if kept:
                    self._file.add(prompt.key, kept)
            if time.monotonic() > next_save:
                next_save = time.monotonic() + 20
                save_texts(self._corpus, self._out)


def save_texts(corpus, out):
    for split in ("calibration", "test"):
        replace_text(out / f"{split}.txt", corpora.joined(corpus.texts[split], 190_000))


def show_greedy(teacher, device, options):
    """Prints greedy answers: a wrong weight layout or kernel shows here as nonsense."""
    asked = prompts.make(3, 11)
    ids = teacher.encode_prompts(asked)
    length = max(map(len, ids)) + (24 if options.tiny else 120)
    decoder = decode.BatchDecoder(teacher, ids, len(ids), length, 0, 1.0, 1.0, 0.0, 1)
    collector = decode.TextCollector(teacher, asked, len(ids))
    decoder.start_log(length)
    for prompt, text, _ in collector.take(decoder.run_log()[0]):
        print(f"  greedy, asked: {prompt.request}\n    {text!r}")


def generate(options, device, dtype, corpus):
    """Fills the corpus until the time is up; returns how many tokens were written."""
    began = time.monotonic()
    teacher = decode.Teacher(options.smollm2, device, dtype)
    show_greedy(teacher, device, options)
    asked = prompts.make(options.prompts, options.seed)
    ids = teacher.encode_prompts(asked)
    print(
        f"{len(asked):,} prompts of {np.mean([len(i) for i in ids]):.0f} tokens on average;"
        f" {len(teacher.allowed):,} tokens may be sampled"
    )
    positions = max(options.text_tokens, max(map(len, ids)) + 2)
    decoder = decode.BatchDecoder(
        teacher, ids, options.slots, positions, options.shortest, options.temperature,
        options.min_p, options.repetition, options.seed,
    )  # fmt: skip
    collector = decode.TextCollector(teacher, asked, options.slots)
    decoder.start_log(64)
    decoder.capture()
    if device.type == "cuda":
        torch.cuda.synchronize()
    print(f"ready to write after {time.monotonic() - began:.0f} s", flush=True)
    writer = Writer(collector, corpus, options.out, options.corpus_mib * 2**20)
    start, next_report, under_way = time.monotonic(), 20.0, []
    while (elapsed := time.monotonic() - start) < options.generate_seconds:
        under_way.append(decoder.run_log())
        if len(under_way) > 2:  # the device has work while the host waits for the log before
            log, copied = under_way.pop(0)
            if copied:
                copied.synchronize()
            writer.put(log)
        if elapsed > next_report:
            next_report += 20
            print(f"{elapsed:5.0f} s  {collector.tokens:,} tokens written", flush=True)
    for log, copied in under_way:
        if copied:
            copied.synchronize()
        writer.put(log)
    writer.finish()
    seconds = time.monotonic() - start
    print(
        f"{collector.tokens:,} tokens in {seconds:.0f} s,"
        f" {collector.tokens / seconds:,.0f} tokens/s, {type(decoder.kernels).__name__}"
    )
    return collector.tokens


def train(options, device, dtype, corpus, deadline):
    """Trains a student on the corpus; returns it, its tokenizer and the run's figures."""
    began = time.monotonic()
    tokenizer = corpora.train_vocabulary(corpus.texts["train"], students.Shape.vocabulary)
    replace_text(options.out / "tokenizer.json", tokenizer.to_str(pretty=True))
    stream = corpora.token_stream(tokenizer, corpus.texts["train"], options.seed)
    shape = students.Shape(vocabulary=tokenizer.get_vocab_size(), layers=options.layers)
    held = corpora.token_stream(tokenizer, corpus.texts["validation"], options.seed)
    rows = min(128, (len(held) - 1) // shape.context)
    if rows < 1 or len(stream) < 2 * shape.context:
        raise SystemExit("too little text to train on: generate for longer")
    held = np.stack([held[i * shape.context :][: shape.context + 1] for i in range(rows)])
    print(
        f"vocabulary and {len(stream):,} training tokens in {time.monotonic() - began:.0f} s,"
        f" {len(corpus.texts['train'])} texts", flush=True
    )  # fmt: skip
    weights = students.initial_weights(shape, device, options.seed)
    parameters = sum(w.numel() for w in weights.values())
    print(f"student: {shape}, {parameters:,} parameters", flush=True)
    student = students.Student(shape, weights, device, dtype, compiled=device.type == "cuda")
    plan = students.Training(
        seconds=options.train_seconds, deadline=deadline, batch=options.batch,
        muon_rate=options.muon_rate, adam_rate=options.adam_rate, seed=options.seed,
    )  # fmt: skip
    figures = students.train(
        student,
        torch.from_numpy(stream.astype(np.int32)).to(device),
        torch.from_numpy(held.astype(np.int64)).to(device),
        plan,
        checkpoint=lambda: export.save(options.out / "model.gguf", student, tokenizer, NAME),
    )
    figures |= {"parameters": parameters, "training tokens": len(stream)}
    figures["validation loss"] = student.nll(torch.from_numpy(held.astype(np.int64)).to(device))
    return student, tokenizer, figures


def check_export(options, student, tokenizer, figures):
    """Writes the file, reads it back in float32, and scores both on test.txt."""
    path = options.out / "model.gguf"
    export.save(path, student, tokenizer, NAME)
    loaded = export.load(path, student.device, torch.float32)
    exact = students.Student(student.shape, student.weights, student.device, torch.float32)
    text = (options.out / "test.txt").read_text(encoding="utf-8")
    ids = tokenizer.encode(text).ids
    figures["test perplexity before Q8_0"], _ = export.perplexity(exact, ids)
    figures["test perplexity"], figures["test tokens scored"] = export.perplexity(loaded, ids)
    figures["test bytes"], figures["test tokens"] = len(text.encode()), len(ids)
    figures["file bytes"] = path.stat().st_size
    draw = torch.Generator().manual_seed(options.seed)
    end = tokenizer.token_to_id(corpora.SEPARATOR)
    samples = []
    for prompt in PROMPTS:
        ids = loaded.continuation(tokenizer.encode(prompt).ids, 160, 0.8, draw, end)
        samples.append(tokenizer.decode(ids, skip_special_tokens=True))
        print(f"  sample: {samples[-1]!r}", flush=True)
    return samples


def model_card(options, corpus, student, figures, samples, written, device):
    shape = student.shape
    device_name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    sample_texts = "\n\n".join("> " + s.replace("\n", "\n> ") for s in samples)
    lengths = [len(text) for text in corpus.texts["train"]] or [0]
    return f"""# {NAME}

A small Llama decoder that writes simple English stories and explanations, made to travel with RAP and
to be pruned by it. It knows little and its texts are invented.

- Shape: {shape.layers} layers, hidden {shape.hidden}, {shape.heads} query and {shape.kv_heads} KV heads of {shape.head_size}, FFN {shape.feed_forward}, vocabulary
  {shape.vocabulary:,} (own byte-level BPE, tied embeddings), context {shape.context}: {figures['parameters']:,} parameters.
- File: `model.gguf`, Q8_0 (norms F32), {figures['file bytes']:,} bytes.
- Trained on: text that SmolLM2-135M-Instruct (Hugging Face, Apache-2.0; Q4_1 weights) wrote for this purpose, from
  prompts in `scripts/bundled_model/prompts.py`; no other text. Letters and common punctuation only: no digits.
- Corpus: {written:,} tokens sampled (temperature {options.temperature}, min-p {options.min_p}, repetition {options.repetition}); {corpus.describe()}.
  Training texts have {np.mean(lengths):.0f} characters on average, {figures['training tokens']:,} tokens together.
- Splits by subject (hash of the prompt's subject), so that no subject of one split is in another.
- Training: {figures['steps']:,} steps of {options.batch} x {shape.context} tokens, {figures['tokens']:,} tokens, {figures['epochs']:.1f} epochs, {figures['seconds']:.0f} s;
  Muon {options.muon_rate} for matrices, AdamW {options.adam_rate} for the rest, linear decay to zero; seed {options.seed}.
- Validation: loss {figures['validation loss']:.4f} nats a token, perplexity {np.exp(figures['validation loss']):.3f} (held-apart stream, windows of {shape.context}).
- Test: perplexity {figures['test perplexity']:.3f} of the file as exported ({figures['test perplexity before Q8_0']:.3f} before Q8_0), on `test.txt`: the whole
  file as one text, no BOS, windows of 512 that do not overlap, the tail dropped, every position of a window but the
  first scored: {figures['test tokens scored']:,} positions of {figures['test tokens']:,} tokens, {figures['test bytes']:,} bytes.
- Licence: Apache-2.0, as the teacher's.
- Made on {device_name} with Python {platform.python_version()}, PyTorch {torch.__version__}, tokenizers {tokenizers.__version__}, numpy {np.__version__}:
  `{shlex.join(['scripts/train-bundled-model.py', *sys.argv[1:]])}`

Samples (temperature 0.8, min-p 0.05):

{sample_texts}
"""


def main():
    start = time.monotonic()
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    sys.stdout = Log(options.out / "log.txt")
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    corpus = corpora.Corpus(options.held_out)
    written = generate(options, device, dtype, corpus) if options.generate_seconds > 0 else 0
    for key, text in corpora.read_corpus_file(options.corpus) if options.corpus else ():
        corpus.add(key, text)
    save_texts(corpus, options.out)
    print(corpus.describe(), flush=True)
    for text in corpus.texts["train"][:3]:
        print(f"  corpus: {text!r}", flush=True)
    if device.type == "cuda":
        torch.cuda.empty_cache()
    deadline = start + options.total_seconds - 20
    student, tokenizer, figures = train(options, device, dtype, corpus, deadline)
    samples = check_export(options, student, tokenizer, figures)
    card = model_card(options, corpus, student, figures, samples, written, device)
    replace_text(options.out / "MODEL-CARD.md", card)
    for name, value in figures.items():
        print(f"{name}: {value:,}")
    print(f"done in {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
