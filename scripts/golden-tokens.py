#!/usr/bin/env python3
"""Makes the golden tokens that dev.rap.tokenizer is held against, with Hugging Face tokenizers.

usage: pip install --target DIR tokenizers==0.22.2 sentencepiece==0.2.3 protobuf
       PYTHONPATH=DIR python3 scripts/golden-tokens.py [SHARED]

Reads   src/test/resources/dev/rap/tokenizer/random-text.json   what random strings consist of
        SHARED/models/SmolLM2-135M-Instruct.Q4_1.gguf           default of SHARED: ../shared
        SHARED/data/wikitext-2/test.txt                         where SHARED is absent, left out
Writes  beside random-text.json: NAME.tokenizer.json, small tokenizers trained on text of this
        script, one for each kind of pre-tokenizer, and NAME.golden.json for each and for smollm2

A golden file holds, for three tests and where there is a text for a fourth,
  plain       10,000 random strings, special tokens in them being text (encode)
  special     the same strings, special tokens in them being tokens (encodeWithSpecial)
  decoded     2,000 random lists of ids, special tokens left out (decode)
  wikiText2   the whole file as one string
the number of tokens (of decoded: bytes), and the SHA-256 of the whole and of each tenth, so that a
difference is found quickly. Hashed is, for each string, the number of its ids as an int32 and the
ids as int32, little-endian; of decoded, the number of bytes and the text in UTF-8; of wikiText2 the
ids alone.

Random numbers are SplitMix64 (Steele, Lea and Flood 2014), as in java.util.SplittableRandom; a
number below n is the upper 31 bits modulo n. A string is below(9) parts. A part is of kind
below(kinds), and has least + below(most - least + 1) elements. An element is one of the kind's
texts, below(texts), or a character of one of its ranges, below(ranges), first + below(last - first
+ 1). If the kind says "repeat", its element is chosen once, else each time.
"""

import hashlib
import io
import json
import pathlib
import struct
import sys

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers, processors, trainers

VERSION = "0.22.2"
ROOT = pathlib.Path(__file__).resolve().parent.parent
RESOURCES = ROOT / "src/test/resources/dev/rap/tokenizer"
STRINGS, ID_LISTS, CHUNKS = 10_000, 2_000, 10
STRING_SEED, ID_SEED, TRAINING_SEED = 1, 2, 3

LATER = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

TEXT = """
The house stands on a hill, and the hill stands on the plain. When the rain comes, the people of the
house look out of the windows and say that the rain is good for the fields; when it doesn't come,
they say they'll wait. "We've waited before," says the oldest of them, "and we're still here."
In 1984 there were 12 of them, in 2024 there were 137: that is 11.4 times as many. Isn't it strange?
Nothing of this is strange to the children. They understand the weather, the numbers, and the road.

Das Haus steht auf dem Hügel. Über den Feldern hängt der Regen, und später scheint die Sonne.
La maison est sur la colline; l'été, on y voit la mer. El niño mira la montaña y la mañana.
Дом стоит на холме, и дождь идёт над полями. Το σπίτι είναι στον λόφο. 房子在山上，雨下在田里。
家は丘の上にあります。雨が降っています。집은 언덕 위에 있다. البيت على التل. הבית על הגבעה.

def rain(fields, days=7):
    total = 0
    for field in fields:
        if field.is_dry():
            total += field.area * days
    return total

public static int rain(int[] fields) {
    int total = 0;
    for (int i = 0; i < fields.length; i++) {
        total += fields[i];
    }
    return total;
}
"""


class Random:
    MASK = (1 << 64) - 1

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state + 0x9E3779B97F4A7C15) & self.MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & self.MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & self.MASK
        return ((z ^ (z >> 31)) >> 33) % n


def random_string(random, kinds):
    return "".join(random_part(random, kinds) for _ in range(random.below(9)))


def random_part(random, kinds):
    kind = kinds[random.below(len(kinds))]
    count = kind["least"] + random.below(kind["most"] - kind["least"] + 1)
    if kind["repeat"]:
        return random_element(random, kind) * count
    return "".join(random_element(random, kind) for _ in range(count))


def random_element(random, kind):
    if "texts" in kind:
        return kind["texts"][random.below(len(kind["texts"]))]
    first, last = (int(bound, 16) for bound in kind["ranges"][random.below(len(kind["ranges"]))])
    return chr(first + random.below(last - first + 1))


def int32s(values):
    return struct.pack(f"<{len(values)}i", *values)


def summary(records):
    """records: (count, bytes) for each string."""
    size = -(-len(records) // CHUNKS)
    chunks = [records[i : i + size] for i in range(0, len(records), size)]
    digest = lambda rs: hashlib.sha256(b"".join(b for _, b in rs)).hexdigest()
    return {
        "count": sum(count for count, _ in records),
        "sha256": digest(records),
        "chunks": [digest(chunk) for chunk in chunks],
    }


def encoded(tokenizer, text, special):
    tokenizer.encode_special_tokens = not special
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return len(ids), int32s([len(ids)] + ids)


def decoded(tokenizer, random):
    size = tokenizer.get_vocab_size()
    ids = [random.below(size) for _ in range(random.below(40))]
    text = tokenizer.decode(ids, skip_special_tokens=True).encode()
    return len(text), int32s([len(text)]) + text


def write_golden(name, tokenizer, kinds, text=None):
    random = Random(STRING_SEED)
    strings = [random_string(random, kinds) for _ in range(STRINGS)]
    random = Random(ID_SEED)
    golden = {
        "tokenizers": VERSION,
        "plain": summary([encoded(tokenizer, s, False) for s in strings]),
        "special": summary([encoded(tokenizer, s, True) for s in strings]),
        "decoded": summary([decoded(tokenizer, random) for _ in range(ID_LISTS)]),
    }
    if text is not None:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        digest = hashlib.sha256(int32s(ids)).hexdigest()
        golden["wikiText2"] = {"count": len(ids), "sha256": digest}
    (RESOURCES / f"{name}.golden.json").write_text(json.dumps(golden, indent=1) + "\n")
    print(name, {key: value["count"] for key, value in golden.items() if key != "tokenizers"})


# Small tokenizers ------------------------------------------------------------------------------


def split(pattern):
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def trained(pre_tokenizer, kinds, alphabet=None, normalizer=None):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    random = Random(TRAINING_SEED)
    texts = [TEXT] * 4 + [random_string(random, kinds) for _ in range(200)]
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=600,
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if alphabet is None else alphabet,
        ),
    )
    return tokenizer


def exact(*contents):
    return [AddedToken(content, normalized=False) for content in contents]


def gpt2(kinds):
    tokenizer = trained(pre_tokenizers.ByteLevel(add_prefix_space=False), kinds)
    tokenizer.add_special_tokens(exact("<|endoftext|>"))
    tokenizer.add_tokens(exact("<tool>", "</tool>"))
    return tokenizer


def smollm(kinds):
    tokenizer = trained(
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        ),
        kinds,
    )
    tokenizer.add_special_tokens(exact("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    return tokenizer


def llama_bpe(kinds):
    tokenizer = trained(split(LATER % r"\p{N}{1,3}"), kinds)
    document = json.loads(tokenizer.to_str())
    # Tokens that no merges lead to, which only ignore_merges finds.
    for whole in ["Ġmother", "HTTP", "include", "10"]:
        assert whole not in document["model"]["vocab"]
        document["model"]["vocab"][whole] = len(document["model"]["vocab"])
    document["model"]["ignore_merges"] = True
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.add_special_tokens(exact("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"))
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=True),
            processors.TemplateProcessing(
                single="<|begin_of_text|> $A",
                special_tokens=[
                    ("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))
                ],
            ),
        ]
    )
    return tokenizer


def qwen2(kinds):
    tokenizer = trained(split(LATER % r"\p{N}"), kinds, normalizer=normalizers.NFC())
    tokenizer.add_special_tokens(exact("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    tokenizer.add_tokens(exact("<tool>", "</tool>"))
    return tokenizer


def variants(kinds):
    """What GGUF cannot say: bytes that are missing, an unknown token, flags of added tokens."""
    tokenizer = trained(
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=False),
                pre_tokenizers.ByteLevel(add_prefix_space=True),
            ]
        ),
        kinds,
        normalizer=normalizers.NFC(),
    )
    document = json.loads(tokenizer.to_str())
    model = document["model"]
    model["vocab"]["<unk>"] = len(model["vocab"])
    model["unk_token"], model["fuse_unk"] = "<unk>", True
    # Without the bytes C3, A9 (together é) and F1, and what merges make of them.
    missing = set("Ã©ñ")
    model["vocab"] = {
        token: i
        for i, token in enumerate(
            token for token in model["vocab"] if not missing.intersection(token)
        )
    }
    model["merges"] = [pair for pair in model["merges"] if not missing.intersection("".join(pair))]
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.add_special_tokens(
        [
            AddedToken("<s>", lstrip=True, rstrip=True, normalized=False),
            AddedToken("[MASK]", lstrip=True, normalized=True),
        ]
    )
    tokenizer.add_tokens(
        [
            AddedToken("word", single_word=True),
            AddedToken("[["),
            AddedToken("[[["),
            AddedToken("]]", rstrip=True),
            AddedToken("cafe\u0301", normalized=True),
        ]
    )
    return tokenizer


SPACE = "\u2581"


def sentencepiece_model(**options):
    """What SentencePiece learns of the text: its model, as a protocol buffer."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    lines = [line for line in TEXT.split("\n") if line]
    learned = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines * 4), model_writer=learned, num_threads=1, minloglevel=2,
        hard_vocab_limit=False, split_digits=True, **options)
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(learned.getvalue())
    return model


def sentencepiece_bpe():
    """SentencePiece's BPE as transformers converts it: every way to make a piece is a merge."""
    model = sentencepiece_model(
        model_type="bpe", vocab_size=800, byte_fallback=True, character_coverage=0.98,
        normalization_rule_name="identity", remove_extra_whitespaces=False)
    vocab = {piece.piece: i for i, piece in enumerate(model.pieces)}
    merges = [
        (piece.score, text[:i], text[i:])
        for text, piece in ((piece.piece, piece) for piece in model.pieces if piece.type == 1)
        for i in range(1, len(text))
        if text[:i] in vocab and text[i:] in vocab
    ]
    merges = [merge[1:] for merge in sorted(merges, key=lambda merge: -merge[0])]
    return Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))


def llama(_):
    """Llama 2 and Phi-3: a space before every section of text, bytes for rare characters."""
    tokenizer = sentencepiece_bpe()
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens(exact("<unk>", "<s>", "</s>"))
    tokenizer.add_tokens(exact("<tool>"))
    return tokenizer


def gemma(_):
    """Gemma: no space before a text; and Metaspace, which gives the first section one."""
    tokenizer = sentencepiece_bpe()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("\n", "merged_with_previous"),
            pre_tokenizers.Metaspace(SPACE, prepend_scheme="first", split=False),
        ]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(
        [AddedToken(text, normalized=False, rstrip=True) for text in ["<bos>", "<end_of_turn>"]])
    return tokenizer


def unigram(_):
    """T5: compiled rules, spaces put in order, the likeliest tokens."""
    rules = ROOT / "target/rules.tsv"
    rules.parent.mkdir(exist_ok=True)
    # é of two characters, a ligature, an ellipsis, a wide letter, a no-break space; a soft hyphen goes
    rules.write_text("65 301\tE9\nFB01\t66 69\n2026\t2E 2E 2E\nFF21\t41\nA0\t20\nAD\t\n9\t20\nA\t20\n")
    model = sentencepiece_model(
        model_type="unigram", vocab_size=600, byte_fallback=True, character_coverage=0.98,
        normalization_rule_tsv=str(rules),
        bos_piece="<text>", eos_piece="</text>")
    vocab = [(piece.piece, piece.score) for piece in model.pieces]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=0, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap),
            normalizers.Strip(left=False, right=True),
            normalizers.Replace(Regex(" {2,}"), SPACE),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(SPACE, prepend_scheme="always")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(SPACE)])
    # Hugging Face makes these of plain text, too, which RAP does not: random strings lack them.
    tokenizer.add_special_tokens(exact("<text>", "</text>"))
    return tokenizer


def gpt_4o(kinds):
    before, upper, lower = r"[^\r\n\p{L}\p{N}]?", r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
    ending = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    tokenizer = trained(
        split(
            f"{before}{upper}*{lower}+{ending}|{before}{upper}+{lower}*{ending}"
            r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        ),
        kinds,
        normalizer=normalizers.NFKC(),
    )
    tokenizer.add_special_tokens(exact("<|endoftext|>"))
    return tokenizer


def deepseek_v3(kinds):
    cuts = [
        r"\p{N}{1,3}",
        "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
        "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
    ]
    tokenizer = trained(
        pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(cut), "isolated") for cut in cuts]
            + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        ),
        kinds,
    )
    tokenizer.add_special_tokens(exact("<\uff5cbegin\u2581of\u2581sentence\uff5c>"))
    return tokenizer


def falcon(kinds):
    """Cuts behind the alphabet, and every plain normalizer."""
    tokenizer = trained(
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.Punctuation("contiguous"),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
                pre_tokenizers.Digits(individual_digits=False),
                pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated"),
            ]
        ),
        kinds,
        normalizer=normalizers.Sequence(
            [normalizers.Nmt(), normalizers.NFKD(), normalizers.StripAccents(),
             normalizers.Lowercase(), normalizers.Strip()]
        ),
    )
    tokenizer.add_special_tokens(exact(">>END<<"))
    return tokenizer


def write_tokenizer(name, tokenizer):
    document = json.loads(tokenizer.to_str())
    if name == "gpt2":  # as files were written before tokenizers 0.20
        document["model"]["merges"] = [" ".join(pair) for pair in document["model"]["merges"]]
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    (RESOURCES / f"{name}.tokenizer.json").write_text(text + "\n")
    return Tokenizer.from_str(text)


# SmolLM2 ---------------------------------------------------------------------------------------


def gguf_metadata(path):
    """The key-value pairs of a little-endian GGUF file of version 3."""
    scalars = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}
    with open(path, "rb") as file:

        def scalar(code):
            return struct.unpack("<" + code, file.read(struct.calcsize("<" + code)))[0]

        def value(kind):
            if kind == 8:
                return file.read(scalar("Q")).decode()
            if kind == 9:
                kind, count = scalar("I"), scalar("Q")
                return [value(kind) for _ in range(count)]
            return scalar(scalars[kind])

        assert (file.read(4), scalar("I")) == (b"GGUF", 3), "not GGUF of version 3"
        scalar("Q")  # tensors
        return {value(8): value(scalar("I")) for _ in range(scalar("Q"))}


def smollm2(path):
    """Hugging Face's tokenizer of a GGUF file whose tokenizer.ggml.pre is smollm."""
    metadata = gguf_metadata(path)
    assert metadata["tokenizer.ggml.pre"] == "smollm"
    tokens = metadata["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    types = metadata["tokenizer.ggml.token_type"]
    tokenizer.add_special_tokens(exact(*(t for t, kind in zip(tokens, types) if kind == 3)))
    return tokenizer


def main():
    assert tokenizers.__version__ == VERSION, f"this is tokenizers {tokenizers.__version__}"
    kinds = json.loads((RESOURCES / "random-text.json").read_text())
    for name, make in {
        "gpt2": gpt2,
        "smollm": smollm,
        "llama-bpe": llama_bpe,
        "qwen2": qwen2,
        "variants": variants,
        "llama": llama,
        "gemma": gemma,
        "unigram": unigram,
        "gpt-4o": gpt_4o,
        "deepseek-v3": deepseek_v3,
        "falcon": falcon,
    }.items():
        write_golden(name, write_tokenizer(name, make(kinds)), kinds)
    shared = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared"
    model = shared / "models/SmolLM2-135M-Instruct.Q4_1.gguf"
    if model.exists():
        # As bytes: reading as text would turn \r\n into \n.
        text = (shared / "data/wikitext-2/test.txt").read_bytes().decode()
        write_golden("smollm2", smollm2(model), kinds, text)
    else:
        print(f"smollm2 left out: no {model}")


if __name__ == "__main__":
    main()
