"""The bundled model: a small Llama decoder, its optimisers and its training loop under a clock.

RoPE pairs neighbouring channels, as GGUF files of architecture "llama" mean it, so weights are
exported as they are. Letters: B sequences, T tokens, D hidden, H query heads, K KV heads, Dh head.
"""

import time
from collections import deque
from dataclasses import dataclass

import torch
import torch.nn.functional as F

MATRICES = ("query", "key", "value", "output", "gate", "up", "down")


@dataclass(frozen=True)
class Shape:
    vocabulary: int = 4096
    layers: int = 14
    hidden: int = 256
    heads: int = 8
    kv_heads: int = 4
    head_size: int = 32
    feed_forward: int = 768
    context: int = 512
    theta: float = 10000.0
    eps: float = 1e-5


def initial_weights(shape, device, seed):
    """Named float32 parameters; what adds to the residual stream starts at zero."""
    generator = torch.Generator().manual_seed(seed)
    d, f = shape.hidden, shape.feed_forward
    q, kv = shape.heads * shape.head_size, shape.kv_heads * shape.head_size

    def random(rows, columns):
        return torch.randn(rows, columns, generator=generator) * columns**-0.5

    weights = {"embedding": torch.randn(shape.vocabulary, d, generator=generator) * 0.02}
    for i in range(shape.layers):
        weights[f"{i}.attention_norm"], weights[f"{i}.ffn_norm"] = torch.ones(d), torch.ones(d)
        weights |= {f"{i}.query": random(q, d), f"{i}.key": random(kv, d)}
        weights |= {f"{i}.value": random(kv, d), f"{i}.output": torch.zeros(d, q)}
        weights |= {f"{i}.gate": random(f, d), f"{i}.up": random(f, d)}
        weights[f"{i}.down"] = torch.zeros(d, f)
    weights["norm"] = torch.ones(d)
    return {name: w.to(device).requires_grad_() for name, w in weights.items()}


def rope_tables(shape, device):
    """cos and sin, [context, 1, Dh/2]."""
    pair = torch.arange(0, shape.head_size, 2, dtype=torch.float64) / shape.head_size
    angles = torch.arange(shape.context, dtype=torch.float64)[:, None] * shape.theta**-pair
    return tuple(f(angles).float()[:, None].to(device) for f in (torch.cos, torch.sin))


def _normed(x, weight, eps):
    x32 = x.float()
    return (x32 * torch.rsqrt(x32.square().mean(-1, keepdim=True) + eps) * weight).to(x.dtype)


def _linear(x, weight):
    return F.linear(x, weight.to(x.dtype))


def _rotated(x, cos, sin):
    first, second = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    pairs = torch.stack((first * cos - second * sin, first * sin + second * cos), -1)
    return pairs.flatten(-2).to(x.dtype)


def layer(x, cos, sin, head_size, eps, attention_norm, ffn_norm, query, key, value, output, gate, up, down):  # fmt: skip
    """One decoder layer, [B, T, D] to [B, T, D]."""
    h = _normed(x, attention_norm, eps)
    q, k, v = (_linear(h, w).unflatten(-1, (-1, head_size)) for w in (query, key, value))
    q, k = _rotated(q, cos, sin), _rotated(k, cos, sin)
    group = q.shape[2] // k.shape[2]
    k, v = k.repeat_interleave(group, 2), v.repeat_interleave(group, 2)
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # [B, H, T, Dh]
    x = x + _linear(mixed.transpose(1, 2).flatten(2), output)
    h = _normed(x, ffn_norm, eps)
    return x + _linear(F.silu(_linear(h, gate)) * _linear(h, up), down)


def logits_of(x, norm, embedding, eps):
    return _linear(_normed(x, norm, eps), embedding)


def loss_of(x, norm, embedding, eps, targets):
    """Mean negative log likelihood, nats a token."""
    logits = logits_of(x, norm, embedding, eps).float()
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


class Student:
    """Weights and the pieces of the forward pass; `compiled` ones for training alone."""

    def __init__(self, shape, weights, device, dtype, compiled=False):
        self.shape, self.weights, self.dtype, self.device = shape, weights, dtype, device
        self._cos, self._sin = rope_tables(shape, device)
        self._layer, self._loss = layer, loss_of
        if compiled:  # one layer is compiled once and serves all
            self._layer = torch.compile(layer, dynamic=False)
            self._loss = torch.compile(loss_of, dynamic=False)

    def hidden(self, tokens):
        """[B, T, D] after the last layer."""
        w, length = self.weights, tokens.shape[1]
        x = F.embedding(tokens, w["embedding"]).to(self.dtype)
        cos, sin = self._cos[:length], self._sin[:length]
        for i in range(self.shape.layers):
            parts = [w[f"{i}.{p}"] for p in ("attention_norm", "ffn_norm", *MATRICES)]
            x = self._layer(x, cos, sin, self.shape.head_size, self.shape.eps, *parts)
        return x

    def loss(self, tokens):
        """Mean NLL of tokens[:, 1:], [B, T+1]."""
        x, w = self.hidden(tokens[:, :-1]), self.weights
        return self._loss(x, w["norm"], w["embedding"], self.shape.eps, tokens[:, 1:])

    @torch.no_grad()
    def nll(self, windows, batch=64):
        """Mean NLL over windows [N, T+1], uncompiled."""
        plain = Student(self.shape, self.weights, self.device, self.dtype)
        parts = [plain.loss(part) * len(part) for part in windows.split(batch)]
        return (sum(parts) / len(windows)).item()

    @torch.no_grad()
    def continuation(self, ids, count, temperature, generator, end):
        """Up to `count` sampled ids, without a cache."""
        plain, w = Student(self.shape, self.weights, self.device, self.dtype), self.weights
        ids = list(ids)
        while count > 0 and len(ids) < self.shape.context and ids[-1] != end:
            x = plain.hidden(torch.tensor([ids], device=self.device))[:, -1]
            scores = logits_of(x, w["norm"], w["embedding"], self.shape.eps).float()
            chances = (scores / temperature).softmax(-1)
            chances[chances < 0.05 * chances.max()] = 0
            ids.append(torch.multinomial(chances.cpu(), 1, generator=generator).item())
            count -= 1
        return ids


class Muon:
    """Momentum whose update is made orthogonal (Jordan et al. 2024), for matrices of equal shapes at once."""

    def __init__(self, matrices, momentum=0.95, decay=0.01):
        self._momentum, self._decay, groups = momentum, decay, {}
        for matrix in matrices:
            groups.setdefault(tuple(matrix.shape), []).append(matrix)
        self._groups = [(ms, torch.zeros_like(torch.stack(list(ms)))) for ms in groups.values()]

    @torch.no_grad()
    def step(self, rate):
        for matrices, velocity in self._groups:
            gradients = torch.stack([m.grad for m in matrices])
            velocity.lerp_(gradients, 1 - self._momentum)
            update = orthogonal(gradients.lerp(velocity, self._momentum))
            rows, columns = matrices[0].shape
            size = rate * max(1, rows / columns) ** 0.5
            torch._foreach_mul_(matrices, 1 - rate * self._decay)
            torch._foreach_add_(matrices, list(update.unbind()), alpha=-size)


def orthogonal(matrices):
    """The nearest orthogonal matrix of each, by five Newton-Schulz steps: [N, rows, columns]."""
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if tall else matrices).bfloat16()
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return (x.mT if tall else x).to(matrices.dtype)


@dataclass(frozen=True)
class Training:
    seconds: float
    deadline: float  # of time.monotonic(): cuts `seconds`
    batch: int = 256  # sequences of `context` tokens a step
    muon_rate: float = 0.02
    adam_rate: float = 0.003
    warmup: float = 0.02  # share of the time
    report_seconds: float = 20.0
    checkpoint_seconds: float = 60.0
    seed: int = 1


def windows(stream, length, draw):
    """Windows [N, length + 1] of the stream from a random phase, in random order, without end."""
    while True:
        phase = int(torch.randint(length, (1,), generator=draw))
        count = (len(stream) - phase - 1) // length
        starts = phase + length * torch.randperm(count, generator=draw)
        yield from starts.tolist()


def train(student, stream, held_out, plan, checkpoint):
    """Trains until the time is up; the learning rate falls to zero with the time that is left.

    stream: ids on the device; held_out: windows [N, T+1]. Returns the figures of the run.
    """
    w, shape = student.weights, student.shape
    muon = Muon([p for name, p in w.items() if name.split(".")[-1] in MATRICES])
    rest = [p for name, p in w.items() if name.split(".")[-1] not in MATRICES]
    on_gpu = stream.device.type == "cuda"
    adam = torch.optim.AdamW(
        rest, lr=plan.adam_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=on_gpu
    )
    starts = windows(stream, shape.context, torch.Generator().manual_seed(plan.seed))
    offsets = torch.arange(shape.context + 1, device=stream.device)

    def batch():
        first = torch.tensor([next(starts) for _ in range(plan.batch)])
        return stream[first.to(stream.device)[:, None] + offsets].long()

    began = time.monotonic()
    student.loss(batch()).backward()  # compiles before the clock starts
    print(f"forward and backward compiled in {time.monotonic() - began:.0f} s", flush=True)
    in_flight, step, start = deque(), 0, time.monotonic()
    seconds = max(10.0, min(plan.seconds, plan.deadline - start))
    next_report, next_checkpoint = plan.report_seconds, plan.checkpoint_seconds
    while (elapsed := time.monotonic() - start) < seconds:
        share = elapsed / seconds
        rate = min(1, (share + 1e-3) / plan.warmup) * (1 - share)
        for parameter in w.values():
            parameter.grad = None
        loss = student.loss(batch())
        loss.backward()
        muon.step(plan.muon_rate * rate)
        adam.param_groups[0]["lr"] = plan.adam_rate * rate
        adam.step()
        step += 1
        if on_gpu:  # keeps the host two steps ahead at most, so that the clock is the device's
            in_flight.append(torch.cuda.Event())
            in_flight[-1].record()
            if len(in_flight) > 2:
                in_flight.popleft().synchronize()
        if elapsed >= next_report:
            next_report += plan.report_seconds
            tokens = step * plan.batch * shape.context
            print(
                f"{elapsed:5.0f} s  step {step:,}  tokens {tokens:,}  rate x{rate:.3f}"
                f"  train {loss.item():.4f}  validation {student.nll(held_out):.4f}"
                f"  {tokens / elapsed:,.0f} tokens/s",
                flush=True,
            )
        if elapsed >= next_checkpoint:
            next_checkpoint += plan.checkpoint_seconds
            checkpoint()
    tokens = step * plan.batch * shape.context
    return {"steps": step, "tokens": tokens, "epochs": tokens / len(stream), "seconds": elapsed}
