#!/usr/bin/env bash
# usage: scripts/build-native.sh OUTPUT_DIR
# Builds native/ into OUTPUT_DIR/linux-x86_64/librap_cpu.so, unless that is newer than its sources.
# Called by the Maven build. Without gcc, or on another platform, it says so and leaves the library
# out: the program then runs its Java kernels. RAP_WERROR=1 turns gcc's warnings into errors;
# RAP_SANITIZE=1 builds with AddressSanitizer and UBSan, for programs that are too.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${1:?usage: build-native.sh OUTPUT_DIR}"
out=$(cd "$1" && pwd)/linux-x86_64
library=$out/librap_cpu.so

leave_out() {
  echo "build-native: $1; RAP will run its slower Java kernels" >&2
  exit 0
}

[[ $(uname -s)-$(uname -m) == Linux-x86_64 ]] ||
  leave_out "the native kernels are for Linux on x86-64 only"
command -v gcc > /dev/null ||
  leave_out "gcc was not found: install gcc 11 or newer, then build again"
version=$(gcc -dumpversion)
[[ ${version%%.*} -ge 11 ]] ||
  leave_out "gcc is $version: install gcc 11 or newer, then build again"
if [[ -e $library ]]; then
  newer=$(find "$here/native" "$here/scripts/build-native.sh" -newer "$library" -type f)
  [[ -n $newer ]] || exit 0
fi

# Compiled once for each instruction set; the others once, for any x86-64.
sanitize=()
symbols=(-s -Wl,-z,defs)
if [[ -n ${RAP_SANITIZE:-} ]]; then
  # At -O1 gcc warns of loops that it was told to vectorise and does not.
  sanitize=(-O1 -g -Wno-error -fsanitize=address,undefined -fno-sanitize-recover=all)
  symbols=() # the program has the sanitizers' own
fi

operation_sources=(operations product product_float product_int8_few product_int8_few_of_256
  product_int8_many
  product_bf16 attention attention_few attention_many elementwise pointwise)
avx2="-mavx2 -mfma -mf16c"
avx512="$avx2 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mprefer-vector-width=512"
declare -A flags=(
  [baseline]=""
  [avx2]="$avx2"
  [avx512]="$avx512"
  [avx512_bf16]="$avx512 -mavx512bf16"
)

objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
cd "$here/native"

# Nobody looks at errno or at signals of arithmetic, and both keep gcc from vectorising.
compile() { # SOURCE OBJECT FLAG...
  gcc -std=gnu11 -O3 -fPIC -march=x86-64 -fno-math-errno -fno-trapping-math \
    -Wall -Wextra ${RAP_WERROR:+-Werror} "${sanitize[@]}" -c "$1.c" \
    -o "$objects/$2.o" "${@:3}"
}

jobs_at_once=$(nproc)
pids=()
start() {
  while (($(jobs -rp | wc -l) >= jobs_at_once)); do
    wait -n || true # its status is asked for below
  done
  compile "$@" &
  pids+=($!)
}

start rap_cpu rap_cpu
start team team
for variant in "${!flags[@]}"; do
  read -ra variant_flags <<< "${flags[$variant]}"
  for source in "${operation_sources[@]}"; do
    start "$source" "$source-$variant" "-DRAP_VARIANT=$variant" "${variant_flags[@]}"
  done
done
for pid in "${pids[@]}"; do
  wait "$pid"
done

# Made beside the library, so that it takes its place at once. No build id, so that equal sources
# make equal bytes.
mkdir -p "$out"
gcc -shared -Wl,--version-script=exports.map -Wl,-z,now,-z,relro,--as-needed \
  "${symbols[@]}" "${sanitize[@]}" -Wl,--build-id=none -o "$library.new" "$objects"/*.o -lm
mv "$library.new" "$library"
