#!/usr/bin/env python3
"""Holds RAP's tokenizers against Hugging Face's, on many lines of mixed text, and times both.

usage: mvn test-compile; mvn dependency:build-classpath -Dmdep.outputFile=target/classpath
       scripts/compare-tokenizers.py [--lines N] [--text FILE]... MODEL...

MODEL is a tokenizer.json, or a .gguf of byte-level BPE whose tokenizer.ggml.pre is smollm. Python
needs tokenizers (of what version is printed). FILE is more text to draw lines from.

For each MODEL three things are compared on each line: its ids with special tokens in it being text,
its ids with them being tokens, and the text that the former decode to. Then both encode 2 MB of prose
and 2 MB of code as one string each, on one thread, RAP's best of five runs (the first ones compile)
against Hugging Face's best of two. Last come lines without a break, each of one kind of character
as BREAKLESS has them: RAP encodes 1, 2, 5 and 10 MB of each, best of two, and the ids of the
shortest are compared.

Lines are drawn with a fixed seed from: the source of Python's library, FILEs, the parts of
random-text.json, sentences in twenty languages whose words are shuffled, characters of random
blocks of Unicode, emoji sequences, runs of white space, and bytes that are not UTF-8, with U+FFFD
for what is broken.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
import tokenizers

ROOT = pathlib.Path(__file__).resolve().parent.parent
SENTENCES = """
The rain is good for the fields, and we'll wait for it; it doesn't come every day, does it?
Über den Feldern hängt der Regen, und später scheint die Sonne auf die nassen Straßen.
L'été, on y voit la mer; c'est à côté de la forêt, où l'œuvre s'achève.
El niño mira la montaña y la mañana; ¿quién más vendrá mañana?
Дом стоит на холме, и дождь идёт над полями, а съёмка ещё продолжается.
Το σπίτι είναι στον λόφο και η βροχή πέφτει στα χωράφια.
房子在山上，雨下在田里。明天会更好吗？我们等了三千年。
家は丘の上にあります。雨が降っています。カタカナとひらがなと漢字。
집은 언덕 위에 있다. 비가 들판에 내린다. 내일은 맑을 것이다.
البيت على التل، والمطر يهطل على الحقول. هل سيأتي غدًا؟
הבית על הגבעה, והגשם יורד על השדות.
घर पहाड़ी पर है और खेतों में बारिश हो रही है।
பாட்டி வீட்டில் மழை பெய்கிறது.
บ้านอยู่บนเนินเขา ฝนตกในทุ่งนา
Ngôi nhà trên đồi, mưa rơi trên những cánh đồng.
Ev tepede, yağmur tarlalara yağıyor; İstanbul'da ışık söndü.
Dom stoi na wzgórzu, a deszcz pada na pola. Zażółć gęślą jaźń.
Talo on mäellä, ja sade lankeaa pelloille.
სახლი გორაზეა და წვიმა მინდვრებზე მოდის.
ቤቱ በኮረብታው ላይ ነው።
""".split("\n")[1:-1]
EMOJI = "😀 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪🇫🇷 ❤️ 1️⃣ 🧑🏿‍💻 ☕ ™️ 🤷‍♀️".split(" ")
BLOCKS = [(0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x590, 0x6FF),
          (0x900, 0xDFF), (0xE00, 0xEFF), (0x1100, 0x11FF), (0x1E00, 0x20CF), (0x2100, 0x2BFF),
          (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFFEF), (0x10000, 0x1FFFF),
          (0x20000, 0x3134F), (0xE0000, 0xE01EF), (0x0, 0x1F), (0x0, 0xD7FF), (0xE000, 0x10FFFF)]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
BREAKLESS = {"one letter": "a", "a pattern": "abcdefghij", "spaces": " ", "symbols": "=", "emoji": "😀",
             "random letters": list(LETTERS), "random hex": list("0123456789abcdef"),
             "random base64": list(LETTERS + LETTERS.upper() + "0123456789+/"),
             "random Latin-1": [chr(c) for c in range(0x80, 0x100)],
             "random Chinese": [chr(c) for c in range(0x4E00, 0x9FA6)]}
MEGABYTES = [1, 2, 5, 10]
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2028", "\u0085", "\u200b", "    ", "\x0b", "\x1c"]


def golden():
    """golden-tokens.py, which knows random strings and GGUF."""
    spec = importlib.util.spec_from_file_location("golden", ROOT / "scripts/golden-tokens.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def source_lines(files):
    lines = []
    for path in sorted(pathlib.Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:60]:
        lines += path.read_text(errors="replace").splitlines()
    texts = [pathlib.Path(path).read_text(errors="replace").splitlines() for path in files]
    return lines, [line for text in texts for line in text if line] or SENTENCES


def mixed_lines(count, files, specials):
    draw = random.Random(20261124)
    code, prose = source_lines(files)
    gold = golden()
    kinds = json.loads((gold.RESOURCES / "random-text.json").read_text())
    strings = gold.Random(11)

    def shuffled():
        words = draw.choice(SENTENCES).split(" ")
        draw.shuffle(words)
        return " ".join(words)

    def blocks():
        first, last = draw.choice(BLOCKS)
        return "".join(chr(draw.randint(first, last)) for _ in range(draw.randint(1, 30)))

    def broken():
        data = bytearray(draw.choice(SENTENCES + EMOJI).encode())
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        return data.decode(errors="replace")

    def spaced():
        parts = [draw.choice(SPACES) * draw.randint(0, 5) + draw.choice(["", "x", "12", "'s", "é", "}"])
                 for _ in range(draw.randint(1, 10))]
        return "".join(parts)

    def special():
        return draw.choice(["", " ", "a", "\n"]).join(
            draw.choice(specials + SPACES + ["word", "é"]) for _ in range(draw.randint(1, 6)))

    makers = [lambda: draw.choice(code), lambda: draw.choice(code), lambda: draw.choice(prose),
              lambda: draw.choice(prose), lambda: draw.choice(prose), shuffled, shuffled, blocks, broken, spaced, special,
              lambda: gold.random_string(strings, kinds),
              lambda: "".join(draw.choice(EMOJI) for _ in range(draw.randint(1, 8)))]
    for _ in range(count):
        line = draw.choice(makers)()
        yield "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in line)


def long_texts(files):
    """2 MB each."""
    code, prose = source_lines(files)
    return {kind: "\n".join(lines * 50)[: 2 << 20] for kind, lines in (("prose", prose), ("code", code))}


def breakless_lines():
    """By kind, one text for each of MEGABYTES."""
    draw = random.Random(5)
    for kind, part in BREAKLESS.items():
        characters = part if isinstance(part, list) else [part]
        size = sum(len(c.encode()) for c in characters) / len(characters)
        text = "".join(draw.choices(characters, k=round(MEGABYTES[-1] * 1e6 / size)))
        yield kind, [text[: len(text) * megabytes // MEGABYTES[-1]] for megabytes in MEGABYTES]


def theirs(model):
    return golden().smollm2(model) if model.suffix == ".gguf" else tokenizers.Tokenizer.from_file(str(model))


def run_ours(model, lines, timed_texts, folder):
    """The results of scripts/TokenizeLines.java: load seconds, per line ids, ids and text, then per
    timed text, of which each comes with a number of runs, ids and seconds."""
    path = model
    if model.suffix != ".gguf":
        path = folder / "model"
        path.mkdir(exist_ok=True)
        (path / "tokenizer.json").write_bytes(model.read_bytes())
        (path / "config.json").write_text("{}")
        header = b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  '
        (path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with open(folder / "texts", "wb") as out:
        out.write(struct.pack(">i", len(lines)))
        for line in lines:
            data = line.encode()
            out.write(struct.pack(">i", len(data)) + data)
        out.write(struct.pack(">i", len(timed_texts)))
        for runs, text in timed_texts:
            data = text.encode()
            out.write(struct.pack(">ii", runs, len(data)) + data)
    java = pathlib.Path(os.environ["JAVA_HOME"]) / "bin/java" if "JAVA_HOME" in os.environ else "java"
    classpath = f"{ROOT}/target/classes:{(ROOT / 'target/classpath').read_text().strip()}"
    subprocess.run([java, "-Xmx3g", "-cp", classpath, ROOT / "scripts/TokenizeLines.java",
                    path, folder / "texts", folder / "results"], check=True)
    return open(folder / "results", "rb")


def compare(model, count, files):
    theirs_ = theirs(model)
    specials = [t.content for t in theirs_.get_added_tokens_decoder().values()][:40] or ["<x>"]
    lines = list(mixed_lines(count, files, specials))
    texts = long_texts(files)
    breakless = dict(breakless_lines())
    timed_texts = [(5, text) for text in texts.values()] + [(2, text) for all in breakless.values() for text in all]
    with tempfile.TemporaryDirectory() as folder:
        results = run_ours(model, lines, timed_texts, pathlib.Path(folder))
        integer = lambda: struct.unpack(">i", results.read(4))[0]
        ids = lambda: list(struct.unpack(f">{(n := integer())}i", results.read(4 * n)))
        number = lambda: struct.unpack(">d", results.read(8))[0]
        load = number()
        wrong = {"plain": 0, "special": 0, "decoded": 0}
        for line in lines:
            ours = {"plain": ids(), "special": ids(), "decoded": results.read(integer()).decode()}
            theirs_.encode_special_tokens = True
            expected = {"plain": theirs_.encode(line, add_special_tokens=False).ids}
            theirs_.encode_special_tokens = False
            expected["special"] = theirs_.encode(line, add_special_tokens=False).ids
            expected["decoded"] = theirs_.decode(expected["plain"], skip_special_tokens=True)
            for test in wrong:
                if ours[test] != expected[test]:
                    wrong[test] += 1
                    if wrong[test] <= 3:
                        print(f"  {test}: {line!r}\n    theirs {expected[test]!r}\n    ours   {ours[test]!r}", file=sys.stderr)
        theirs_.encode_special_tokens = True
        print(f"{model}: {len(lines)} lines, different: {wrong['plain']} plain, {wrong['special']} special, "
              f"{wrong['decoded']} decoded; read in {load:.1f} s", flush=True)
        different = 0
        for kind, text in texts.items():
            best, expected = min(timed(theirs_, text) for _ in range(2))
            same = ids() == expected
            seconds = number()
            different += not same
            size = len(text.encode()) / 1e6
            print(f"  {kind}, {size:.1f} MB {'the same' if same else 'DIFFERENT'}: {size / best:.2f} MB/s theirs, "
                  f"{size / seconds:.2f} MB/s ours ({best / seconds:.1f} times)", flush=True)
        print("  " + " " * 16 + "".join(f"{megabytes:>5} MB" for megabytes in MEGABYTES))
        for kind, all in breakless.items():
            same = ids() == timed(theirs_, all[0])[1]
            different += not same
            seconds = [number()] + [(ids(), number())[1] for _ in all[1:]]
            print(f"  {kind:16}" + "".join(f"{s:6.2f} s" for s in seconds) + ("" if same else "  DIFFERENT"), flush=True)
        return sum(wrong.values()) + different


def timed(tokenizer, text):
    """Seconds and ids."""
    begun = time.perf_counter()
    encoding = tokenizer.encode(text, add_special_tokens=False)
    return time.perf_counter() - begun, encoding.ids


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--text", action="append", default=[])
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    print(f"tokenizers {tokenizers.__version__}", flush=True)
    wrong = [compare(model, arguments.lines, arguments.text) for model in arguments.models]
    sys.exit(1 if any(wrong) else 0)


if __name__ == "__main__":
    main()
