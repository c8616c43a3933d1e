"""From what the teacher wrote to clean texts, held-apart splits, a vocabulary and token streams."""

import bz2
import re
import zlib
from collections import Counter

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from .decode import smollm_splitter

SEPARATOR = "<|endoftext|>"
SPLITS = ("validation", "calibration", "test")  # the rest is for training
SHORTEST_TEXT = 250  # characters

PLAIN = re.compile(r"[A-Za-z ,.!?'\"\n;:-]+")
SENTENCE_END = re.compile(r"[.!?]\"?(?=\s|$)")
# Answers that speak of the task instead of doing it.
META = re.compile(
    r"\b(AI|language model|assistant|chatbot|paragraphs?|essay|narrator|(the|this) (story|text|tale)|the author|social media"
    r"|here (is|are) (a|an|the|some)|as requested|simple words|word count|in conclusion|in summary)\b",
    re.IGNORECASE,
)


def clean(text):
    """(text, None): its paragraphs up to the first that is not good; or (None, why it is refused)."""
    text = re.sub(r"\s*\n\s*", "\n", text).strip()
    ends = list(SENTENCE_END.finditer(text))
    text = text[: ends[-1].end()] if ends else ""
    if text and ("  " in text or not PLAIN.fullmatch(text)):
        return None, "not plain"
    good, sentences, why = [], set(), None
    for paragraph in text.split("\n"):
        why = _fault(paragraph, good, sentences)
        if why:
            break
        good.append(paragraph)
    text = "\n".join(good)
    return (text, None) if len(text) >= SHORTEST_TEXT else (None, why or "too short")


def _fault(paragraph, earlier, sentences):
    """What is wrong with a paragraph after earlier ones; adds to the sentences seen."""
    if META.search(paragraph):
        return "speaks of the task"
    if paragraph.count('"') % 2:
        return "unpaired quotes"
    if not paragraph.endswith((".", "!", "?", '"')):
        return "unfinished"
    for sentence in re.split(r"[.!?]+", paragraph.lower()):
        sentence = sentence.strip(' "')
        if sentence in sentences and " " in sentence:
            return "repeats itself"
        if sentence.count(" ") > 45:
            return "endless sentence"
        sentences.add(sentence)
    words = " ".join([*earlier, paragraph]).lower().split()
    runs = list(zip(words, words[1:], words[2:], words[3:]))
    if len(set(runs)) < 0.95 * len(runs):
        return "repeats itself"
    return None


class Corpus:
    """Collects texts; equal beginnings are kept once. Splits by what a text is about.

    held_out: share of subjects for each of validation, calibration and test.
    """

    def __init__(self, held_out):
        self._held_out = held_out
        self._beginnings = set()
        self.texts = {split: [] for split in ("train", *SPLITS)}
        self.refused = Counter()

    def add(self, key, text):
        """Cleans and files the text of a subject; returns what was filed, or None."""
        text, why = clean(text)
        if text and text[:80] in self._beginnings:
            text, why = None, "begins like another"
        if not text:
            self.refused[why] += 1
            return None
        self._beginnings.add(text[:80])
        self.texts[self._split_of(key)].append(text)
        return text

    def _split_of(self, key):
        place = zlib.crc32(key.encode()) / 2**32 / self._held_out
        return SPLITS[int(place)] if place < len(SPLITS) else "train"

    def characters(self):
        return sum(len(text) for texts in self.texts.values() for text in texts)

    def describe(self):
        counts = ", ".join(f"{len(texts):,} {split}" for split, texts in self.texts.items())
        refused = ", ".join(f"{count:,} {why}" for why, count in self.refused.most_common())
        return f"texts: {counts}; {self.characters():,} characters; refused: {refused or 'none'}"


class CorpusFile:
    """A growing bz2 file of "subject TAB text" lines, newlines as \\n, up to a size."""

    def __init__(self, path, limit):
        self._file, self._limit, self._written = open(path, "wb"), limit, 0
        self._packer = bz2.BZ2Compressor()

    def add(self, key, text):
        if self._written < self._limit:
            line = f"{key}\t{text}".replace("\n", "\\n") + "\n"
            self._write(self._packer.compress(line.encode()))

    def close(self):
        self._write(self._packer.flush())
        self._file.close()

    def _write(self, data):
        self._written += len(data)
        self._file.write(data)
        if data:
            self._file.flush()


def read_corpus_file(path):
    """(subject, text) pairs of a CorpusFile, also of one that was cut off."""
    packed = open(path, "rb").read()
    lines = bz2.BZ2Decompressor().decompress(packed).decode(errors="replace").split("\n")
    for line in lines[:-1]:
        key, text = line.split("\t", 1)
        yield key, text.replace("\\n", "\n")


def joined(texts, limit):
    """Whole texts, a blank line between two, of at most `limit` characters."""
    taken, size = [], 0
    for text in texts:
        size += len(text) + 2
        if size > limit:
            break
        taken.append(text)
    return "\n\n".join(taken) + "\n"


def train_vocabulary(texts, size, sample_characters=40_000_000):
    """Byte-level BPE of `size` tokens: the separator, 256 bytes, then merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = smollm_splitter()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[SEPARATOR],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(joined(texts, sample_characters).split("\n\n"), trainer)
    return tokenizer


def token_stream(tokenizer, texts, seed):
    """All texts as one array of ids; after each, evenly at random, the separator or a blank line.

    So the model knows both the end of a text and plain files of several.
    """
    draw = np.random.default_rng(seed)
    newline = tokenizer.token_to_id("Ċ")
    separators = ([tokenizer.token_to_id(SEPARATOR)], [newline, newline])
    pieces = []
    for start in range(0, len(texts), 20_000):
        batch = texts[start : start + 20_000]
        ids = []
        for encoding in tokenizer.encode_batch(batch):
            ids += encoding.ids
            ids += separators[draw.integers(2)]
        pieces.append(np.array(ids, dtype=np.uint16))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.uint16)
