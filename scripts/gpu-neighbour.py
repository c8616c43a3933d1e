#!/usr/bin/env python3
"""usage: scripts/gpu-neighbour.py SECONDS MIB [SEED]

A hostile neighbour: for so many seconds it takes the GPU's memory until a random part of MIB is
left free, keeps it for up to half a second, and gives a random part back, over and over. Prints a
line when it begins, and at the end how often it changed and how little was free.
"""

import ctypes
import random
import sys
import time

CHUNK = 16 << 20
seconds, most_free = float(sys.argv[1]), int(sys.argv[2]) << 20
random.seed(int(sys.argv[3]) if len(sys.argv) > 3 else 0)
cuda = ctypes.CDLL("libcuda.so.1")


def check(status):
    if status:
        sys.exit(f"gpu-neighbour: the driver answers {status}")


context = ctypes.c_void_p()
check(cuda.cuInit(0))
check(cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0))
check(cuda.cuCtxSetCurrent(context))


def free_bytes():
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    check(cuda.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)))
    return free.value


held = []


def grab(bytes_):
    """Whether it got so much; what others took first is no failure."""
    pointer = ctypes.c_uint64()
    if cuda.cuMemAlloc_v2(ctypes.byref(pointer), ctypes.c_size_t(bytes_)):
        return False
    held.append((pointer.value, bytes_))
    return True


print("gpu-neighbour: begins", flush=True)
end = time.monotonic() + seconds
changes, least = 0, free_bytes()
bulk = free_bytes() - most_free
if bulk > 0:
    grab(bulk)  # which stays
kept = len(held)
while time.monotonic() < end:
    target = random.randrange(0, most_free)
    while free_bytes() > target + CHUNK and grab(CHUNK):
        pass
    least = min(least, free_bytes())
    changes += 1
    time.sleep(random.uniform(0.02, 0.5))
    for _ in range(random.randrange(0, len(held) - kept + 1)):
        pointer, _ = held.pop()
        check(cuda.cuMemFree_v2(ctypes.c_uint64(pointer)))
print(f"gpu-neighbour: changed {changes} times, at the least {least >> 20} MiB were free", flush=True)
