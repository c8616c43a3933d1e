"""Batched sampling from a Llama model in GGUF: every slot decodes one token a step, on one GPU.

A slot that finishes its text starts the next prompt at the next step, so the batch stays full. A
prompt's tokens are fed one a step like any other. The whole step, bookkeeping included, has fixed
shapes: on CUDA it is captured once as a graph and replayed.
"""

import re

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, models, pre_tokenizers

from . import gguf
from .kernels import TorchKernels, TritonKernels, disagreement, triton

START, END = "<|im_start|>", "<|im_end|>"
SKIPPED, CUT = -1, -2  # in the log: a token of the prompt; a text that met the length limit

# What may be sampled: plain words, each with at most a capital first letter, and punctuation.
PLAIN = re.compile(r" ?[A-Z]?[a-z]+| ?[A-Z]| ?[.,!?;:'\"-]{1,3}|[.!?\"']{0,2}\n{1,2}|'[a-z]{1,2}")


# What any text repeats. Its other words are made less likely each time that it uses them, these
# a tenth as much; names and parts of words not at all.
COMMON = set(
    """a an the and or but so because if when while as than that this these those there here then now not no yes
    i you he she it we they me him her us them my your his its our their mine who whom whose what which where why how
    is am are was were be been being do does did done have has had having will would can could should may might must
    to of in on at by for from with without into onto over under up down out off near about after before again all
    any some each every both one two other another too also just only more most said asked
    went go going came come get got see saw like made make know knew think thought felt feel day time""".split()
)


def smollm_splitter():
    """The pre-tokenizer that GGUF files name "smollm"."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )


def byte_of_letter():
    """GPT-2's printable letter for each byte, reversed."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = {chr(byte): byte for byte in plain}
    return letters | {chr(256 + i): byte for i, byte in enumerate(others)}


class Teacher:
    """SmolLM2: its weights on the device, its tokenizer, and which tokens it may sample."""

    def __init__(self, path, device, dtype):
        file = gguf.Reader(path)
        meta = file.metadata
        self.layers = meta["llama.block_count"]
        self.hidden = meta["llama.embedding_length"]
        self.heads = meta["llama.attention.head_count"]
        self.kv_heads = meta["llama.attention.head_count_kv"]
        self.head_size = meta["llama.rope.dimension_count"]
        self.eps = meta["llama.attention.layer_norm_rms_epsilon"]
        self.theta = meta["llama.rope.freq_base"]

        def load(*names):
            joined = np.concatenate([file.tensor(name + ".weight") for name in names])
            return torch.from_numpy(joined).to(device, dtype)

        self.embedding = load("token_embd")
        self.norm = load("output_norm")
        self.blocks = []
        for i in range(self.layers):
            b = f"blk.{i}."
            self.blocks.append(
                {
                    "attention_norm": load(b + "attn_norm"),
                    "qkv": load(b + "attn_q", b + "attn_k", b + "attn_v"),
                    "output": load(b + "attn_output"),
                    "ffn_norm": load(b + "ffn_norm"),
                    "gate_up": load(b + "ffn_gate", b + "ffn_up"),
                    "down": load(b + "ffn_down"),
                }
            )
        self._load_tokenizer(meta)
        self.allowed = torch.tensor(self._plain_tokens(), device=device)
        self.head = self.embedding[self.allowed].contiguous()
        words = [self.bytes[i].decode("ascii") for i in self.allowed.tolist()]
        self.weight_of_use = torch.tensor(
            [0.0 if not w[1:].islower() or w[0] != " " else 0.1 if w[1:] in COMMON else 1.0 for w in words],
            device=device, dtype=dtype,
        )  # fmt: skip

    def _load_tokenizer(self, meta):
        letters, tokens = byte_of_letter(), meta["tokenizer.ggml.tokens"]
        kinds = meta["tokenizer.ggml.token_type"]
        self.bytes = [
            b"" if kind == 3 else bytes(letters[c] for c in token)
            for token, kind in zip(tokens, kinds)
        ]
        vocabulary = {token: i for i, token in enumerate(tokens)}
        merges = [tuple(merge.split(" ")) for merge in meta["tokenizer.ggml.merges"]]
        self.tokenizer = Tokenizer(models.BPE(vocabulary, merges))
        self.tokenizer.pre_tokenizer = smollm_splitter()
        self.tokenizer.add_special_tokens([START, END])
        self.end = vocabulary[END]

    def _plain_tokens(self):
        plain = [
            i
            for i, token in enumerate(self.bytes)
            if token and token.isascii() and PLAIN.fullmatch(token.decode("ascii"))
        ]
        count = (1 + len(plain)) // 128 * 128  # rows that the device reads in whole vectors
        return [self.end, *plain][:count]

    def encode_prompts(self, prompts):
        """Token ids of each prompt in ChatML, the answer's opening included."""
        texts = [
            f"{START}user\n{p.request}{END}\n{START}assistant\n{p.opening}" for p in prompts
        ]
        return [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]


class BatchDecoder:
    """Decodes `slots` texts at once, of at most `positions` tokens with their prompts.

    No text ends before `shortest` tokens of its own. `repetition` is taken from the logit of a
    word for each time that the text has used it, a tenth of it for common ones.
    """

    def __init__(
        self, teacher, prompts, slots, positions, shortest, temperature, min_p, repetition, seed
    ):
        device, dtype = teacher.embedding.device, teacher.embedding.dtype
        self.teacher, self.slots, self.positions = teacher, slots, positions
        self.temperature, self.log_min_p = temperature, float(np.log(min_p))
        self.shortest = shortest
        self._price = teacher.weight_of_use * repetition  # [V]
        self._used = torch.zeros(slots, len(teacher.allowed), dtype=dtype, device=device)
        self.kernels = fastest_kernels(device, dtype, seed)
        lengths = [len(prompt) for prompt in prompts]
        padded = np.zeros((len(prompts), max(lengths)), np.int64)
        for row, prompt in zip(padded, prompts):
            row[: len(prompt)] = prompt
        self._prompts = torch.from_numpy(padded).to(device)
        self._lengths = torch.tensor(lengths, device=device)
        frequencies = teacher.theta ** (
            -torch.arange(0, teacher.head_size, 2, dtype=torch.float64) / teacher.head_size
        )
        angles = torch.arange(positions, dtype=torch.float64)[:, None] * frequencies
        self._cos, self._sin = (f(angles).float().to(device) for f in (torch.cos, torch.sin))
        shape = (teacher.layers, slots, teacher.kv_heads, positions, teacher.head_size)
        self._keys = torch.zeros(shape, dtype=dtype, device=device)
        self._values = torch.zeros(shape, dtype=dtype, device=device)
        self._query = torch.empty(
            slots, teacher.heads, teacher.head_size, dtype=dtype, device=device
        )
        self._prompt = torch.arange(slots, device=device) % len(prompts)
        self._next_prompt = torch.full((1,), slots, device=device)
        self._position = torch.zeros(slots, dtype=torch.int64, device=device)
        self._token = self._prompts[self._prompt, 0].clone()
        self._step = torch.zeros(1, dtype=torch.int64, device=device)
        self._graph = None

    def start_log(self, steps):
        """The next `steps` steps go to a fresh log: tokens and prompt numbers, [steps, slots]."""
        device = self._token.device
        self._log = torch.full((2, steps, self.slots), SKIPPED, dtype=torch.int32, device=device)

    def capture(self):
        """On CUDA: records one step as a graph. The log must have been started."""
        if self._token.device.type != "cuda":
            return
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                self._run_step()
        torch.cuda.current_stream().wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._run_step()
        self._step.zero_()  # the log begins at its first row

    def run_log(self):
        """Fills the log with as many steps as it has rows; returns it on the host's side.

        On CUDA the copy is still under way: wait for the event that comes with it.
        """
        for _ in range(self._log.shape[1]):
            if self._graph:
                self._graph.replay()
            else:
                self._run_step()
        if not self._graph:
            return self._log.cpu().clone(), None
        host = torch.empty(self._log.shape, dtype=self._log.dtype, pin_memory=True)
        host.copy_(self._log, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        return host, event

    @torch.no_grad()
    def _run_step(self):
        logits = self._forward().sub_(self._used)
        early = self._position < self._lengths[self._prompt] + self.shortest
        logits[:, 0].masked_fill_(early, float("-inf"))  # the end is the first of `allowed`
        drawn = self.kernels.sample(logits, self.temperature, self.log_min_p, self._step)
        self._advance(drawn)

    def _forward(self):
        """[S, V]: scores of the tokens that may be sampled."""
        t, width = self.teacher, self.teacher.blocks[0]["down"].shape[1]
        x = t.embedding[self._token]
        for block, keys, values in zip(t.blocks, self._keys, self._values):
            h = F.rms_norm(x, (t.hidden,), block["attention_norm"], t.eps)
            qkv = h @ block["qkv"].T
            self.kernels.store(
                qkv, self._cos, self._sin, self._position, self._query, keys, values
            )
            mixed = self.kernels.attend(self._query, keys, values, self._position)
            x = torch.addmm(x, mixed, block["output"].T)
            h = F.rms_norm(x, (t.hidden,), block["ffn_norm"], t.eps)
            gate_up = h @ block["gate_up"].T
            x = torch.addmm(x, F.silu(gate_up[:, :width]) * gate_up[:, width:], block["down"].T)
        return F.rms_norm(x, (t.hidden,), t.norm, t.eps) @ t.head.T

    def _advance(self, row_drawn):
        """Logs the drawn tokens; moves each slot to its next token or its next prompt."""
        drawn = self.teacher.allowed[row_drawn]
        following = self._position + 1
        asked = following < self._lengths[self._prompt]
        place = following.clamp(max=self._prompts.shape[1] - 1)
        chosen = torch.where(asked, self._prompts[self._prompt, place], drawn)
        ended = ~asked & (drawn == self.teacher.end)
        cut = ~asked & ~ended & (following >= self.positions - 1)
        done = ended | cut
        price = torch.where(asked, 0, self._price[row_drawn])
        self._used.scatter_add_(1, row_drawn[:, None], price[:, None])
        self._used.mul_(~done[:, None])
        seen = torch.where(asked, SKIPPED, torch.where(cut, CUT, chosen))
        row = self._step % self._log.shape[1]
        record = torch.stack([seen, self._prompt]).to(torch.int32)[:, None]
        self._log.index_copy_(1, row, record)
        fresh = (self._next_prompt + done.cumsum(0) - 1) % self._lengths.shape[0]
        self._prompt.copy_(torch.where(done, fresh, self._prompt))
        self._next_prompt.add_(done.sum())
        self._position.copy_(torch.where(done, 0, following))
        self._token.copy_(torch.where(done, self._prompts[self._prompt, 0], chosen))
        self._step.add_(1)


def fastest_kernels(device, dtype, seed):
    """Triton's on CUDA if they build and agree with PyTorch's, else PyTorch's."""
    if device.type == "cuda" and triton:
        try:
            error = disagreement(TritonKernels(seed), device, dtype)
            print(f"Triton kernels: largest difference from PyTorch {error:.4f}", flush=True)
            if error < 0.05:
                return TritonKernels(seed)
        except Exception as failure:  # whatever the compiler says, the oracle still works
            print(f"Triton kernels do not build here: {failure}", flush=True)
        print("decoding with PyTorch's kernels instead, several times slower", flush=True)
    return TorchKernels(seed)


class TextCollector:
    """Joins the logged tokens of each slot to texts."""

    def __init__(self, teacher, prompts, slots):
        self._bytes, self._end, self._prompts = teacher.bytes, teacher.end, prompts
        self._open = [[] for _ in range(slots)]
        self.tokens = 0

    def take(self, log):
        """Yields (prompt, text, whether the teacher ended it) for all texts that finish in `log`."""
        tokens, prompt_of = log.numpy()
        self.tokens += int((tokens != SKIPPED).sum())
        for slot, column in enumerate(tokens.T.tolist()):
            pieces = self._open[slot]
            for row, token in enumerate(column):
                if token >= 0 and token != self._end:
                    pieces.append(self._bytes[token])
                elif token != SKIPPED:
                    prompt = self._prompts[prompt_of[row, slot]]
                    text = prompt.opening + b"".join(pieces).decode("utf-8", "replace")
                    pieces.clear()
                    yield prompt, text, token == self._end
