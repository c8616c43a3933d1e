"""GGUF v3: the reader and the writer that the bundled model's scripts need.

Reads F32, F16, Q8_0 and Q4_1 tensors to float32; writes F32 and Q8_0. Matrices are row-major with
numpy's order of dimensions (rows first); the file's order is the reverse.
"""

import struct
from pathlib import Path

import numpy as np

ALIGNMENT = 32
BLOCK = 32  # weights of a quantised block
F32, F16, Q4_1, Q8_0 = 0, 1, 3, 8

# type code of a metadata value -> struct format; 8 is a string, 9 an array
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
U32, I32, FLOAT, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9


class Reader:
    """A GGUF file: its metadata as a dictionary, its tensors as float32 arrays."""

    def __init__(self, path):
        self._data = np.memmap(path, dtype=np.uint8, mode="r")
        self._at = 0
        if bytes(self._data[:4]) != b"GGUF":
            raise SystemExit(f"{path}: not a GGUF file, it does not start with 'GGUF'")
        self._at = 4
        version, tensors, entries = self._scalar("I"), self._scalar("Q"), self._scalar("Q")
        if version not in (2, 3):
            raise SystemExit(f"{path}: GGUF version {version}, this script reads 2 and 3")
        self.metadata = {self._string(): self._value(self._scalar("I")) for _ in range(entries)}
        self._infos = {}
        for _ in range(tensors):
            name, rank = self._string(), self._scalar("I")
            shape = tuple(self._scalar("Q") for _ in range(rank))[::-1]
            self._infos[name] = (shape, self._scalar("I"), self._scalar("Q"))
        alignment = self.metadata.get("general.alignment", ALIGNMENT)
        self._start = -(-self._at // alignment) * alignment

    def names(self):
        return list(self._infos)

    def tensor(self, name):
        """The tensor, dequantised to float32, with rows first."""
        shape, kind, offset = self._infos[name]
        count = int(np.prod(shape))
        data = self._data[self._start + offset :]
        if kind == F32:
            return data[: count * 4].view(np.float32).reshape(shape).copy()
        if kind == F16:
            return data[: count * 2].view(np.float16).astype(np.float32).reshape(shape)
        if kind == Q8_0:
            blocks = data[: count // BLOCK * 34].reshape(-1, 34)
            scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
            return (scale * blocks[:, 2:].view(np.int8)).reshape(shape)
        if kind == Q4_1:
            blocks = data[: count // BLOCK * 20].reshape(-1, 20)
            scale, minimum = blocks[:, :4].copy().view(np.float16).astype(np.float32).T
            packed = blocks[:, 4:]
            quants = np.concatenate([packed & 15, packed >> 4], axis=1)
            return (scale[:, None] * quants + minimum[:, None]).reshape(shape).astype(np.float32)
        raise SystemExit(f"tensor {name}: type {kind}, this script reads F32, F16, Q8_0 and Q4_1")

    def _scalar(self, form):
        size = struct.calcsize(form)
        self._at += size
        return struct.unpack("<" + form, self._data[self._at - size : self._at].tobytes())[0]

    def _string(self):
        length = self._scalar("Q")
        self._at += length
        return self._data[self._at - length : self._at].tobytes().decode("utf-8")

    def _value(self, kind):
        if kind == STRING:
            return self._string()
        if kind == ARRAY:
            element, count = self._scalar("I"), self._scalar("Q")
            return [self._value(element) for _ in range(count)]
        return self._scalar(SCALARS[kind])


def quantise_q8_0(matrix):
    """Blocks of 32 weights as bytes: an F16 scale, max|w| / 127, and 32 signed bytes."""
    blocks = matrix.astype(np.float32).reshape(-1, BLOCK)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / 127
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
    quants = np.clip(np.rint(blocks * inverse), -127, 127).astype(np.int8)
    halves = scale.astype(np.float16).view(np.uint8)
    return np.concatenate([halves, quants.view(np.uint8)], axis=1).tobytes()


def write(path, metadata, tensors):
    """Writes a GGUF v3 file, whole or not at all.

    metadata: list of (key, type code, value); an array's type code is (ARRAY, element type).
    tensors: list of (name, float32 array): matrices are stored as Q8_0, vectors as F32.
    """
    infos, blobs, offset = bytearray(), [], 0
    for name, array in tensors:
        kind = Q8_0 if array.ndim == 2 else F32
        blob = quantise_q8_0(array) if kind == Q8_0 else array.astype(np.float32).tobytes()
        infos += _packed_string(name) + struct.pack("<I", array.ndim)
        infos += struct.pack(f"<{array.ndim}Q", *array.shape[::-1])
        infos += struct.pack("<IQ", kind, offset)
        blobs.append(blob + b"\0" * (-len(blob) % ALIGNMENT))
        offset += len(blobs[-1])
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, kind, value in metadata:
        head += _packed_string(key) + _packed_value(kind, value)
    head += bytes(infos)
    head += b"\0" * (-len(head) % ALIGNMENT)
    part = Path(str(path) + ".part")
    part.write_bytes(head + b"".join(blobs))
    part.replace(path)


def _packed_string(text):
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def _packed_value(kind, value):
    if isinstance(kind, tuple):
        element = kind[1]
        packed = b"".join(_packed_plain(element, item) for item in value)
        return struct.pack("<IIQ", ARRAY, element, len(value)) + packed
    return struct.pack("<I", kind) + _packed_plain(kind, value)


def _packed_plain(kind, value):
    return _packed_string(value) if kind == STRING else struct.pack("<" + SCALARS[kind], value)
