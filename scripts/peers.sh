#!/usr/bin/env bash
# usage: scripts/peers.sh [-b DIR] [-m GGUF] [-f FORMATS] [-p PYTHON] [-t THREADS] [-r RUNS] [-s]
#
# Measures RAP beside llama.cpp and Jlama on one machine, in one run, on the same weights: prefill of
# 512 tokens and decode of 128, in several formats and (Jlama) in BF16; then, as programs that start
# with the file in the page cache, the time until the first token is there and they have ended, and
# the most memory that a prompt and 128 tokens more take, with a context of 640.
# Prints tables; the last line of standard output is the same as one JSON document.
#
#   -b DIR      where things are built and kept, in a folder for each model; default target/peers
#   -m GGUF     default ../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf; random-model.py makes others
#   -f FORMATS  as llama-quantize names them; default "f16 q8_0 q4_0 q4_1 q4_k_m q5_k_m q6_k"
#   -p PYTHON   one that has what gguf-to-huggingface.py needs (for Jlama, which is left out
#               otherwise); default python3
#   -t THREADS  default 2
#   -r RUNS     of each measurement; default 5
#   -s          set up only: build and convert, measure nothing
#
# First use builds llama.cpp from the source in PyPI's llama-cpp-python (cmake, a C++ compiler; about
# ten minutes on 2 cores), as its users get it: release, for this processor. Jlama comes from Maven
# Central and needs JAVA_HOME at a JDK 25; where it cannot be had it is left out, with a line that says so.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/target/peers
model=$root/../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf
python=python3
threads=2
runs=5
formats="f16 q8_0 q4_0 q4_1 q4_k_m q5_k_m q6_k"
measure=yes
llama_cpp_python=0.3.36
jlama=0.8.4
prefill=512
decode=128

while getopts b:m:f:p:t:r:s option; do
  case $option in
    b) build=$OPTARG ;;
    m) model=$OPTARG ;;
    f) formats=$OPTARG ;;
    p) python=$OPTARG ;;
    t) threads=$OPTARG ;;
    r) runs=$OPTARG ;;
    s) measure=no ;;
    *) sed -n '2,22s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
[[ -r $model ]] || { echo "peers.sh: no model at $model; give one with -m" >&2; exit 1; }
mkdir -p "$build"
build=$(cd "$build" && pwd)
log=$build/setup.log
files=$build/$(basename "$model" .gguf)
mkdir -p "$files"

say() { echo "peers.sh: $*" >&2; }

# Runs a step of the set-up, its output in the log.
quietly() { "$@" >>"$log" 2>&1 || { say "failed: $*; see $log"; return 1; }; }

llama_cpp() {
  [[ -x $build/bin/llama-completion ]] && return # the last that is copied
  say "building llama.cpp from llama-cpp-python $llama_cpp_python"
  quietly python3 -m pip download --no-deps --no-binary llama-cpp-python \
    -d "$build" "llama-cpp-python==$llama_cpp_python"
  tar -xzf "$build"/llama_cpp_python-*.tar.gz -C "$build"
  llama_cpp_programs ""
}

llama_cpp_programs() { # FLAGS of the compiler
  local source=$build/llama_cpp_python-$llama_cpp_python/vendor/llama.cpp
  quietly cmake -S "$source" -B "$build/cmake" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
    -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF \
    -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF -DCMAKE_C_FLAGS="$1" -DCMAKE_CXX_FLAGS="$1"
  quietly nice -n 10 cmake --build "$build/cmake" -j "$threads" \
    --target llama-bench llama-perplexity llama-quantize llama-completion
  mkdir -p "$build/bin"
  cp "$build"/cmake/bin/llama-{bench,perplexity,quantize,completion} "$build/bin/"
}

# Where the processor has AMX and the system does not let programs use it, llama.cpp dies of it.
llama_cpp_runs() {
  local rc=0
  "$build/bin/llama-bench" -m "$1" -p 64 -n 1 -r 1 >>"$log" 2>&1 || rc=$?
  ((rc != 132)) || { # SIGILL
    say "building llama.cpp again without AMX, which is not usable here"
    llama_cpp_programs "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
  }
}

# quantised FROM TO FORMAT [OPTION]: written aside first, so that an interrupted run leaves no half file.
quantised() {
  [[ -e $2 ]] && return
  quietly "$build/bin/llama-quantize" ${4:-} "$1" "$2.part" "$3"
  mv "$2.part" "$2"
}

# Files of the same weights: F16 holds the dequantised ones, the others are quantised from that.
gguf_files() {
  quantised "$model" "$files/model-f16.gguf" F16 --allow-requantize
  for format in $formats; do
    quantised "$files/model-f16.gguf" "$files/model-$format.gguf" "$format"
    llama_cpp_runs "$files/model-$format.gguf"
  done
}

jlama_jars() {
  [[ -e $build/jlama/lib/jlama-core-$jlama.jar ]] && return
  mkdir -p "$build/jlama"
  cat >"$build/jlama/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>peers</groupId><artifactId>jlama</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>com.github.tjake</groupId><artifactId>jlama-core</artifactId><version>$jlama</version></dependency>
    <dependency><groupId>com.github.tjake</groupId><artifactId>jlama-native</artifactId><version>$jlama</version>
      <classifier>linux-x86_64</classifier></dependency>
  </dependencies>
</project>
POM
  quietly mvn -q -B -f "$build/jlama/pom.xml" -DoutputDirectory="$build/jlama/lib" -DincludeScope=runtime \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies
}

hugging_face_folder() {
  [[ -e $files/model-bf16/model.safetensors ]] || quietly "$python" \
    "$root/scripts/gguf-to-huggingface.py" "$model" "$files/model-bf16"
}

bench_llama_cpp() {
  "$build/bin/llama-bench" -m "$1" -t "$threads" -p $prefill -n $decode -r "$runs" -o json 2>>"$log"
}

bench_rap() {
  "$root/rap" bench "$1" --prefill $prefill --decode $decode --threads "$threads" --json | tail -n 1
}

bench_jlama() {
  "${JAVA_HOME:+$JAVA_HOME/bin/}java" --add-modules jdk.incubator.vector --enable-preview --source 25 \
    --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow -Xmx2g \
    -cp "$build/jlama/lib/*" "$root/scripts/JlamaBench.java" \
    "$1" $prefill $decode "$threads" "$runs" 2>>"$log"
}

# A process that draws tokens: what first_token and its memory are measured of.
start_llama_cpp() { # GGUF TOKENS
  echo "$build/bin/llama-completion" -m "$1" -t "$threads" -c 640 -n "$2" -no-cnv --ignore-eos -f
}

start_rap() { # GGUF TOKENS
  echo "$root/rap" generate "$1" --threads "$threads" --context 640 --max-tokens "$2" --prompt-file
}

shape() {
  "$root/rap" inspect "$1" --json | tail -n 1
}

start() { # ENGINE GGUF
  python3 "$root/scripts/peers-start.py" "$runs" "$(start_"$1" "$2" 1)" "$(start_"$1" "$2" $decode)"
}

# result FILE ENGINE COMMAND...: a command's JSON, or a line that says that it failed.
result() {
  local file=$1 engine=$2
  shift 2
  if "$@" >"$files/results/$file.$engine.json"; then
    say "$engine, $file: done"
  else
    rm -f "$files/results/$file.$engine.json"
    say "$engine, $file: failed and is left out"
  fi
}

llama_cpp
gguf_files
with_jlama=yes
{ jlama_jars && hugging_face_folder; } || { with_jlama=no; say "Jlama is left out"; }
say "llama.cpp's programs are in $build/bin, the models in $build"
[[ $measure == yes ]] || exit 0

rm -rf "$files/results"
mkdir -p "$files/results"
for format in $formats; do
  result "$format" llama.cpp bench_llama_cpp "$files/model-$format.gguf"
  result "$format" rap bench_rap "$files/model-$format.gguf"
  result "$format" shape shape "$files/model-$format.gguf"
  result "$format-start" llama.cpp start llama_cpp "$files/model-$format.gguf"
  result "$format-start" rap start rap "$files/model-$format.gguf"
done
if [[ $with_jlama == yes ]]; then
  result bf16 jlama bench_jlama "$files/model-bf16"
  result bf16 rap bench_rap "$files/model-bf16"
fi
python3 "$root/scripts/peers-table.py" "$files/results" "$threads" $formats
