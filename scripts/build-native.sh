#!/usr/bin/env bash
# usage: scripts/build-native.sh OUTPUT_DIR
# Builds native/*.c into OUTPUT_DIR/linux-x86_64/librap_cpu.so, unless that is newer than its sources.
# Called by the Maven build. Without gcc, or on another platform, says so and leaves the library out:
# the program then runs its Java kernels.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${1:?usage: build-native.sh OUTPUT_DIR}"
out=$(cd "$1" && pwd)/linux-x86_64
library=$out/librap_cpu.so

if [[ $(uname -s)-$(uname -m) != Linux-x86_64 ]]; then
  echo "build-native: native kernels are for Linux on x86-64 only; RAP will run its slower Java kernels" >&2
  exit 0
fi
if ! command -v gcc > /dev/null; then
  echo "build-native: gcc not found; RAP will run its slower Java kernels (install gcc 11 or newer, then build again)" >&2
  exit 0
fi
if [[ -e $library && -z $(find "$here"/native "$here"/scripts/build-native.sh -newer "$library" -type f) ]]; then
  exit 0
fi

# Compiled once for each instruction set; the others once, for any x86-64.
OPERATION_SOURCES="operations product product_float product_int8 product_bf16 attention elementwise"
declare -A FLAGS=(
  [baseline]="-march=x86-64"
  [avx2]="-march=x86-64 -mavx2 -mfma -mf16c"
  [avx512]="-march=x86-64 -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mprefer-vector-width=512"
)
FLAGS[avx512_bf16]="${FLAGS[avx512]} -mavx512bf16"

objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
# No signalling of arithmetic, no errno: nobody looks at either, and both keep gcc from vectorising.
common="-std=gnu11 -O3 -fPIC -fvisibility=default -fno-math-errno -fno-trapping-math -Wall -Wextra -Werror -c"
{
  for source in rap_cpu team; do
    echo "gcc $common -march=x86-64 $here/native/$source.c -o $objects/$source.o"
  done
  for variant in "${!FLAGS[@]}"; do
    for source in $OPERATION_SOURCES; do
      echo "gcc $common ${FLAGS[$variant]} -DRAP_VARIANT=$variant $here/native/$source.c -o $objects/$source-$variant.o"
    done
  done
} | xargs -P "$(nproc)" -I{} sh -c '{}'

mkdir -p "$out"
# Beside the library, so that the move is atomic; build-id and paths left out, so that equal sources
# make equal bytes.
gcc -shared -s -Wl,--version-script="$here/native/exports.map" -Wl,-z,now,-z,relro,-z,defs,--as-needed \
  -Wl,--build-id=none -o "$library.new" "$objects"/*.o -lm
mv "$library.new" "$library"
