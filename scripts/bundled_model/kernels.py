"""The three kernels of batched decoding that PyTorch has no fast form of, in Triton and in PyTorch.

The Triton ones run on CUDA; the PyTorch ones are their oracle there, and run on the CPU. Letters:
S slots (sequences decoded together), H query heads, K KV heads, Dh head size, P positions of the
cache, V tokens that may be sampled.
"""

import torch

try:
    import triton
    import triton.language as tl
except ImportError:  # CPU-only installations of PyTorch come without it
    triton = None


class TorchKernels:
    """Plain PyTorch: reads the whole cache at every step."""

    def __init__(self, seed):
        self._seed = seed
        self._generators = {}

    def store(self, qkv, cos, sin, position, query, keys, values):
        """Rotates q and k by their position (pairs lie side by side), fills `query` and the cache.

        qkv [S, (H+2K)*Dh]; cos, sin [P, Dh/2]; position [S]; query [S, H, Dh]; keys, values
        [S, K, P, Dh]. Rotated heads are stored as first members of all pairs, then second ones.
        """
        slots, heads, size = query.shape
        kv_heads = keys.shape[1]
        qkv = qkv.view(slots, heads + 2 * kv_heads, size)
        pairs = qkv[:, : heads + kv_heads].float().unflatten(-1, (size // 2, 2))
        c, s = cos[position][:, None], sin[position][:, None]
        first = pairs[..., 0] * c - pairs[..., 1] * s
        second = pairs[..., 0] * s + pairs[..., 1] * c
        rotated = torch.cat([first, second], -1).to(query.dtype)
        query.copy_(rotated[:, :heads])
        every = torch.arange(slots, device=qkv.device)
        keys[every, :, position] = rotated[:, heads:]
        values[every, :, position] = qkv[:, heads + kv_heads :]

    def attend(self, query, keys, values, position):
        """[S, H*Dh]: softmax(q k / sqrt(Dh)) v over positions 0..position of each slot."""
        slots, heads, size = query.shape
        grouped = query.view(slots, keys.shape[1], -1, size)
        scores = (grouped @ keys.transpose(-1, -2)).float() * size**-0.5
        later = torch.arange(keys.shape[2], device=keys.device) > position[:, None]
        scores.masked_fill_(later[:, None, None], float("-inf"))
        return (scores.softmax(-1).to(values.dtype) @ values).reshape(slots, heads * size)

    def sample(self, logits, temperature, log_min_p, step):
        """[S]: draws from softmax(logits / temperature) where p >= min_p * max p.

        By the Gumbel-max trick. log_min_p 0 is greedy.
        """
        if logits.device not in self._generators:
            self._generators[logits.device] = torch.Generator(logits.device)
            self._generators[logits.device].manual_seed(self._seed)
        logits = logits.float()
        noise = torch.rand(
            logits.shape, generator=self._generators[logits.device], device=logits.device
        )
        gumbel = -torch.log(-torch.log(noise.clamp(1e-10, 1 - 1e-7)))
        floor = logits.amax(-1, keepdim=True) + temperature * log_min_p
        return (logits / temperature + gumbel).masked_fill(logits < floor, float("-inf")).argmax(-1)


if triton:

    @triton.jit
    def _store(
        qkv, cos, sin, position, query, keys, values, positions,
        H: tl.constexpr, K: tl.constexpr, HALF: tl.constexpr,
        HEADS: tl.constexpr, KV_HEADS: tl.constexpr,
    ):  # fmt: skip
        slot = tl.program_id(0).to(tl.int64)
        at = tl.load(position + slot)
        row = qkv + slot * (H + 2 * K) * 2 * HALF
        head = tl.arange(0, HEADS)[:, None]
        pair = tl.arange(0, HALF)[None, :]
        rotated = (head < H + K) & (pair < HALF)
        even = tl.load(row + head * 2 * HALF + 2 * pair, mask=rotated, other=0).to(tl.float32)
        odd = tl.load(row + head * 2 * HALF + 2 * pair + 1, mask=rotated, other=0).to(tl.float32)
        c = tl.load(cos + at * HALF + pair)
        s = tl.load(sin + at * HALF + pair)
        first = even * c - odd * s
        second = even * s + odd * c
        is_query = (head < H) & (pair < HALF)
        to_query = query + (slot * H + head) * 2 * HALF + pair
        tl.store(to_query, first.to(query.dtype.element_ty), mask=is_query)
        tl.store(to_query + HALF, second.to(query.dtype.element_ty), mask=is_query)
        is_key = rotated & (head >= H)
        to_key = keys + ((slot * K + head - H) * positions + at) * 2 * HALF + pair
        tl.store(to_key, first.to(keys.dtype.element_ty), mask=is_key)
        tl.store(to_key + HALF, second.to(keys.dtype.element_ty), mask=is_key)
        kv_head = tl.arange(0, KV_HEADS)[:, None]
        channel = tl.arange(0, 2 * HALF)[None, :]
        is_value = (kv_head < K) & (channel < 2 * HALF)
        value = tl.load(row + (H + K + kv_head) * 2 * HALF + channel, mask=is_value, other=0)
        to_value = values + ((slot * K + kv_head) * positions + at) * 2 * HALF + channel
        tl.store(to_value, value, mask=is_value)

    @triton.jit
    def _attend(
        query, keys, values, position, out, positions, scale,
        H: tl.constexpr, K: tl.constexpr, SIZE: tl.constexpr,
        ROWS: tl.constexpr, TILE: tl.constexpr,
    ):  # fmt: skip
        slot = tl.program_id(0).to(tl.int64)
        kv_head = tl.program_id(1)
        at = tl.load(position + slot).to(tl.int32)
        row = tl.arange(0, ROWS)[:, None]
        channel = tl.arange(0, SIZE)[None, :]
        head = slot * H + kv_head * (H // K) + row
        here = (row < H // K) & (channel < SIZE)
        q = tl.load(query + head * SIZE + channel, mask=here, other=0)  # [ROWS, SIZE]
        start_of_head = (slot * K + kv_head) * positions * SIZE
        peak = tl.full([ROWS], float("-inf"), tl.float32)
        total = tl.zeros([ROWS], tl.float32)
        sums = tl.zeros([ROWS, SIZE], tl.float32)
        for start in range(0, at + 1, TILE):
            token = start + tl.arange(0, TILE)
            seen = token <= at
            offset = start_of_head + token[:, None] * SIZE + channel
            k = tl.load(keys + offset, mask=seen[:, None], other=0)  # [TILE, SIZE]
            v = tl.load(values + offset, mask=seen[:, None], other=0)
            scores = tl.dot(q, tl.trans(k)) * scale  # [ROWS, TILE]
            scores = tl.where(seen[None, :], scores, float("-inf"))
            new_peak = tl.maximum(peak, tl.max(scores, 1))
            shrink = tl.exp(peak - new_peak)
            weight = tl.exp(scores - new_peak[:, None])
            total = total * shrink + tl.sum(weight, 1)
            sums = sums * shrink[:, None] + tl.dot(weight.to(v.dtype), v)
            peak = new_peak
        result = sums / total[:, None]
        tl.store(out + head * SIZE + channel, result.to(out.dtype.element_ty), mask=here)

    @triton.jit
    def _sample(logits, chosen, step, seed, tokens, temperature, log_min_p, TILE: tl.constexpr):
        slot = tl.program_id(0)
        row = logits + slot.to(tl.int64) * tokens
        lane = tl.arange(0, TILE)
        peaks = tl.full([TILE], float("-inf"), tl.float32)
        for start in range(0, tokens, TILE):
            token = start + lane
            score = tl.load(row + token, mask=token < tokens, other=float("-inf"))
            peaks = tl.maximum(peaks, score.to(tl.float32))
        floor = tl.max(peaks, 0) + temperature * log_min_p
        best = tl.full([TILE], float("-inf"), tl.float32)
        best_token = tl.zeros([TILE], tl.int32)
        seed_now = seed + tl.load(step)
        for start in range(0, tokens, TILE):
            token = start + lane
            score = tl.load(row + token, mask=token < tokens, other=float("-inf")).to(tl.float32)
            if tl.max(score, 0) >= floor:  # few tiles hold a candidate: noise for those alone
                noise = tl.maximum(tl.rand(seed_now, slot * tokens + token), 1e-10)
                drawn = score / temperature - tl.log(-tl.log(noise))
                drawn = tl.where(score >= floor, drawn, float("-inf"))
                better = drawn > best
                best = tl.where(better, drawn, best)
                best_token = tl.where(better, token, best_token)
        winner = tl.argmax(best, 0)
        tl.store(chosen + slot, tl.sum(tl.where(lane == winner, best_token, 0), 0).to(tl.int64))


class TritonKernels:
    """The same operations, reading only what each slot has filled of the cache."""

    def __init__(self, seed):
        self._seed = seed

    def store(self, qkv, cos, sin, position, query, keys, values):
        slots, heads, size = query.shape
        kv_heads, positions = keys.shape[1], keys.shape[2]
        _store[(slots,)](
            qkv, cos, sin, position, query, keys, values, positions,
            H=heads, K=kv_heads, HALF=size // 2,
            HEADS=triton.next_power_of_2(heads + kv_heads),
            KV_HEADS=triton.next_power_of_2(kv_heads),
        )  # fmt: skip

    def attend(self, query, keys, values, position):
        slots, heads, size = query.shape
        kv_heads, positions = keys.shape[1], keys.shape[2]
        out = torch.empty(slots, heads * size, dtype=query.dtype, device=query.device)
        _attend[(slots, kv_heads)](
            query, keys, values, position, out, positions, size**-0.5,
            H=heads, K=kv_heads, SIZE=size, ROWS=16, TILE=64, num_warps=2, num_stages=2,
        )  # fmt: skip
        return out

    def sample(self, logits, temperature, log_min_p, step):
        chosen = torch.empty(logits.shape[0], dtype=torch.int64, device=logits.device)
        _sample[(logits.shape[0],)](
            logits, chosen, step, self._seed, logits.shape[1], temperature, log_min_p,
            TILE=1024, num_warps=4,
        )  # fmt: skip
        return chosen


def disagreement(kernels, device, dtype, slots=33, heads=9, kv_heads=3, size=64, positions=200):
    """Largest difference between `kernels` and PyTorch's on random data; inf if a draw is wrong."""
    generator = torch.Generator(device).manual_seed(5)

    def random(*shape):
        return torch.randn(*shape, generator=generator, device=device).to(dtype)

    oracle = TorchKernels(0)
    position = torch.randint(0, positions, (slots,), generator=generator, device=device)
    qkv = random(slots, (heads + 2 * kv_heads) * size)
    cos, sin = (random(positions, size // 2).float() for _ in "cs")
    keys, values = (random(slots, kv_heads, positions, size) for _ in "kv")
    results = []
    for each in (oracle, kernels):
        query, k, v = random(slots, heads, size), keys.clone(), values.clone()
        each.store(qkv, cos, sin, position, query, k, v)
        results.append((query, k, v, each.attend(query, k, v, position)))
    worst = max((a.float() - b.float()).abs().max().item() for a, b in zip(*results))
    logits = random(slots, 2500)
    step = torch.zeros(1, dtype=torch.int64, device=device)
    greedy = kernels.sample(logits, 0.8, 0.0, step)
    picked = logits.gather(1, greedy[:, None])[:, 0]
    spread = kernels.sample(logits[:1].expand(512, -1).contiguous(), 1.0, -3.0, step)
    floor = logits[0].float().max() - 3.0
    fair = (logits[0, spread].float() >= floor).all() and spread.unique().numel() > 3
    return worst if (picked == logits.amax(1)).all() and fair else float("inf")
