#!/usr/bin/env bash
# usage: scripts/build-cuda.sh OUTPUT_DIR
# Builds kernels/*.cu into OUTPUT_DIR/linux-x86_64/librap_cuda.so, and native/cublas13.c into
# librap_cublas13.so beside it, as far as sources are newer. Called by the Maven build.
#
# nvcc is that of CUDA_HOME, of PATH, of /usr/local/cuda, or else one that pip fetches into
# target/cuda-toolchain. Without any it says so and leaves the kernels out.
#
# RAP_CUDA_ARCHS  what is compiled for: all (the default); native, the GPUs of this machine; none;
#                 or a list such as "80 90a ptx80"
# RAP_WERROR=1    turns warnings into errors
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${1:?usage: build-cuda.sh OUTPUT_DIR}"
out=$(cd "$1" && pwd)/linux-x86_64
build=$here/target/cuda
toolchain=$here/target/cuda-toolchain

# Ampere to Blackwell. What is newer runs the PTX, which the driver compiles: that of the oldest
# architecture, since code for an architecture of its own may not exist for the next one, and since
# this way any GPU can test what only future ones run (CUDA_FORCE_PTX_JIT=1).
all_archs="80 86 89 90a 100 120 ptx80"

leave_out() { # WHY
  echo "build-cuda: $1; the CUDA part is left out" >&2
  rm -f "$out/librap_cuda.so"
  exit 0
}

# NEW takes the place of FILE at once. One that is the same already only becomes as new.
put() { # NEW FILE
  mkdir -p "$out"
  if cmp -s "$1" "$2"; then
    touch "$2"
  else
    cp "$1" "$2.new"
    mv "$2.new" "$2"
  fi
}

is_newer() { # FILE SOURCE...
  [[ -e $1 && -z $(find "${@:2}" -newer "$1" -print -quit 2>&1) ]]
}

# Where glibc 2.34 took libdl and the others in, these are still there, empty.
link_flags=(-shared -s "-Wl,-z,now,-z,relro,-z,defs,--build-id=none,--no-as-needed"
  -l:libdl.so.2)

build_cublas13() {
  local library=$build/librap_cublas13.so
  cd "$here/native"
  if ! is_newer "$library" cublas13.c cublas13.symbols cublas13.map "$here/scripts/build-cuda.sh"; then
    gcc -std=gnu11 -O2 -fPIC -Wall -Wextra ${RAP_WERROR:+-Werror} -o "$library.new" cublas13.c \
      -Wl,--version-script=cublas13.map -Wl,-soname,libcublas.so.12 "${link_flags[@]}"
    mv "$library.new" "$library"
  fi
  put "$library" "$out/librap_cublas13.so"
}

# Sets nvcc.
find_nvcc() {
  local candidate
  for candidate in "${CUDA_HOME:-}/bin/nvcc" "$(command -v nvcc || true)" \
    /usr/local/cuda/bin/nvcc "$toolchain/nvidia/cu13/bin/nvcc"; do
    # CUDA 12.8 is the first that knows Blackwell.
    if [[ -x $candidate ]] && "$candidate" --list-gpu-code 2> /dev/null | grep -qx sm_120; then
      nvcc=$candidate
      return
    fi
  done
  fetch_nvcc || leave_out "no nvcc from CUDA 12.8 on was found, and pip could not fetch one"
  nvcc=$toolchain/nvidia/cu13/bin/nvcc
}

fetch_nvcc() {
  python3 -m pip --version > /dev/null 2>&1 || return 1
  echo "build-cuda: no nvcc was found, fetching one with pip into target/cuda-toolchain" >&2
  rm -rf "$toolchain" "$toolchain.new"
  python3 -m pip install -q --disable-pip-version-check --no-deps --retries 1 --timeout 20 \
    --target "$toolchain.new" nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 \
    nvidia-cuda-crt==13.0.88 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85 \
    > "$build/pip.log" 2>&1 || return 1
  mv "$toolchain.new" "$toolchain"
}

# Prints the folder of the static runtime that belongs to nvcc.
runtime_folder() {
  local home folder
  home=$(cd "$(dirname "$(readlink -f "$nvcc")")/.." && pwd)
  for folder in "$home"/{lib64,lib,targets/x86_64-linux/lib,lib/x86_64-linux-gnu}; do
    if [[ -e $folder/libcudart_static.a ]]; then
      echo "$folder"
      return
    fi
  done
  return 1
}

# Prints the architectures of the GPUs in this machine.
native_archs() {
  nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2> /dev/null | tr -d . |
    grep -x '[0-9]*' | sed 's/^90$/90a/' | sort -u
}

# Sets archs.
choose_archs() {
  case ${RAP_CUDA_ARCHS:-all} in
    all) archs=$all_archs ;;
    none) leave_out "RAP_CUDA_ARCHS is none" ;;
    native)
      archs=$(native_archs) || archs=''
      ! is_built || exit 0
      [[ -n $archs ]] || leave_out "there is no NVIDIA GPU here"
      ;;
    *) archs=$RAP_CUDA_ARCHS ;;
  esac
}

# What archs are called in the library's build information.
targets() {
  local arch text=''
  for arch in $archs; do
    text+=" sm_$arch"
  done
  echo "for${text//sm_ptx/PTX_}"
}

# Whether the library is newer than its sources and has kernels for archs, if for others too.
is_built() {
  local arch built
  is_newer "$out/librap_cuda.so" "$here/kernels" "$here/scripts/build-cuda.sh" || return 1
  built=$(grep -aom1 'nvcc [0-9.]*, for[ A-Za-z0-9_]*' "$out/librap_cuda.so") || return 1
  for arch in $archs; do
    [[ "$built " == *" sm_$arch "* ]] || return 1
  done
}

# Whether the object is newer than all files of ours that it was made of.
is_compiled() { # NAME
  local sources
  [[ -e $objects/$1.d ]] || return 1
  # A space within a name is written with a backslash; names of the toolkit are absolute.
  mapfile -t sources < <(sed -e 's/^[^:]*: //' -e 's/\\ /_/g' "$objects/$1.d" |
    tr -s ' \134' '\n' | grep '^[^/]')
  is_newer "$objects/$1.o" "${sources[@]}"
}

# Registers and shared memory of each kernel stay in the log.
compile() { # NAME THREADS
  local object=$objects/$1.o
  if ! "$nvcc" "${flags[@]}" --threads "$2" -MMD -MF "$objects/$1.d" -c "$1.cu" -o "$object.new" \
    > "$objects/$1.log" 2>&1; then
    cat "$objects/$1.log" >&2
    return 1
  fi
  grep -E 'warning' "$objects/$1.log" >&2 || true
  mv "$object.new" "$object"
}

compile_all() { # NAME...
  local name pid cores threads pids=()
  cores=$(nproc)
  threads=$((cores > $# ? cores / $# : 1))
  for name in "$@"; do
    while (($(jobs -rp | wc -l) >= cores)); do
      wait -n || true # its status is asked for below
    done
    compile "$name" "$threads" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do
    wait "$pid"
  done
}

# Prints 'SYMBOL SYMBOL@VERSION' for what OBJECT wants and the C library here has in a version that
# glibc 2.31 lacks: the newest one that it has too.
old_versions() { # OBJECT
  objdump -T "$(gcc -print-file-name=libc.so.6)" "$(gcc -print-file-name=libm.so.6)" | awk '
    NR == FNR { wanted[$2]; next }
    !($NF in wanted) { next }
    {
      version = $(NF - 1)
      old = gsub(/[()]/, "", version)
      split(version, part, /[_.]/)
      age = part[3] * 1000 + part[4]
      if (!old) chosen[$NF] = age
      if (age < 32000 && age >= best[$NF]) { best[$NF] = age; name[$NF] = version }
    }
    END { for (s in chosen) if (chosen[s] >= 32000 && s in name) print s, s "@" name[s] }
  ' <(nm -u "$1") -
}

link_kernels() { # LIBRARY OBJECT...
  local whole=$objects/whole.o
  gcc -r -nostdlib -o "$whole" "${@:2}" "$runtime/libcudart_static.a"
  old_versions "$whole" > "$objects/versions"
  objcopy --redefine-syms="$objects/versions" "$whole"
  gcc -o "$1.new" "$whole" -Wl,--version-script=exports.map -Wl,-soname,librap_cuda.so \
    "${link_flags[@]}" -l:libpthread.so.0 -l:librt.so.1 -static-libgcc -Wl,--as-needed -lm
  mv "$1.new" "$1"
}

build_kernels() {
  local arch name names=() stale=() library
  choose_archs
  find_nvcc
  runtime=$(runtime_folder) || leave_out "$nvcc has no libcudart_static.a"
  flags=(-std=c++17 -O3 -Xcompiler -fPIC -Xcompiler -fno-exceptions
    -Xcompiler -Wall -Xcompiler -Wextra -Xcompiler -Wno-missing-field-initializers
    -Xptxas -v "-DRAP_CUDA_TARGETS=\"$(targets)\"")
  [[ -z ${RAP_WERROR:-} ]] || flags+=(--Werror all-warnings)
  for arch in $archs; do
    case $arch in
      ptx*) flags+=(-gencode "arch=compute_${arch#ptx},code=compute_${arch#ptx}") ;;
      *) flags+=(-gencode "arch=compute_$arch,code=sm_$arch") ;;
    esac
  done

  # Objects made with other flags, or by another nvcc, lie elsewhere.
  objects=$build/$(printf '%s\n' "$("$nvcc" --version)" "${flags[@]}" | cksum | cut -d ' ' -f 1)
  mkdir -p "$objects"
  cd "$here/kernels"
  for name in *.cu; do
    name=${name%.cu}
    names+=("$objects/$name.o")
    is_compiled "$name" || stale+=("$name")
  done
  if ((${#stale[@]} > 0)); then
    echo "build-cuda: compiling ${#stale[@]} of ${#names[@]} files of kernels/ $(targets)" >&2
    compile_all "${stale[@]}"
  fi
  library=$objects/librap_cuda.so
  is_newer "$library" "${names[@]}" exports.map "$here/scripts/build-cuda.sh" ||
    link_kernels "$library" "${names[@]}"
  put "$library" "$out/librap_cuda.so"
}

mkdir -p "$build"
[[ $(uname -s)-$(uname -m) == Linux-x86_64 ]] || leave_out "CUDA is for Linux on x86-64 here"
command -v gcc > /dev/null || leave_out "gcc was not found"
build_cublas13
command -v g++ > /dev/null || leave_out "nvcc needs g++, which was not found"
build_kernels
