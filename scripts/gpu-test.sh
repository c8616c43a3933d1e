#!/usr/bin/env bash
# usage: scripts/gpu-test.sh [FOLDER]     default FOLDER: target/gpu-test
# Makes a bundle that runs RAP, its GPU tests and its benches on a GPU machine that has no Java and
# no network. Copy the folder there and run:
#   FOLDER/run tests [JUNIT ARGUMENT...]   the tests that need a GPU; where Python has torch and
#                                          transformers, also against their logits on that GPU
#   FOLDER/run sanitize [TOOL...]          the kernel tests under compute-sanitizer's tools
#   FOLDER/run jmh [JMH ARGUMENT...]       the benches
#   FOLDER/run COMMAND [ARGUMENT...]       such as: FOLDER/run bench MODEL --backend cuda
# Needs JAVA_HOME to be a JDK 25. The Java of the bundle is made once and kept.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
: "${JAVA_HOME:?set it to a JDK 25}"
folder=${1:-target/gpu-test}
junit=1.14.4
modules=java.base,java.desktop,java.net.http,java.sql,jdk.management,jdk.unsupported,jdk.jdeps,jdk.zipfs
mkdir -p "$folder"
folder=$(cd -- "$folder" && pwd)

if [[ ! -f $folder/java.tar.xz ]]; then
  image=$(mktemp -d)
  "$JAVA_HOME/bin/jlink" --add-modules "$modules" --strip-debug --no-man-pages --no-header-files \
    --output "$image/java"
  tar -C "$image" -cJf "$folder/java.tar.xz.new" java
  mv -- "$folder/java.tar.xz.new" "$folder/java.tar.xz"
  rm -r -- "$image"
fi

mvn -q -B -ntp -Pjmh package -DskipTests
mvn -q -B -ntp dependency:copy -DoutputDirectory=target/gpu-test-libraries \
  -Dartifact="org.junit.platform:junit-platform-console-standalone:$junit"
mvn -q -B -ntp -Pjmh dependency:copy-dependencies -DoutputDirectory=target/gpu-test-libraries \
  -DincludeArtifactIds=jmh-core,jopt-simple,commons-math3
stage=$(mktemp -d)
trap 'rm -r -- "$stage"' EXIT
mkdir -- "$stage/lib"
cp -- target/rap.jar target/rap-*-cuda.jar target/gpu-test-libraries/*.jar "$stage/lib/"
cp -r -- target/test-classes "$stage/test-classes"
mkdir -p -- "$stage/src/test"
cp -r -- src/test/resources "$stage/src/test/"
mkdir -- "$stage/scripts"
cp -- scripts/golden-gpu.py scripts/gpu-neighbour.py scripts/oracle.py "$stage/scripts/"
tar -C "$stage" -cJf "$folder/rap.tar.xz" lib test-classes src scripts

cat >"$folder/run" <<'RUN'
#!/usr/bin/env bash
# usage: run tests|sanitize|jmh|COMMAND [ARGUMENT...]     see scripts/gpu-test.sh
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
at=${RAP_BUNDLE:-/tmp/rap-gpu-test}
mkdir -p "$at"
for part in java rap; do
  if [[ ! $at/$part.stamp -nt $here/$part.tar.xz ]]; then
    tar -C "$at" -xJf "$here/$part.tar.xz"
    touch -- "$at/$part.stamp"
  fi
done
java=("$at/java/bin/java" --enable-native-access=ALL-UNNAMED -Djava.awt.headless=true)
libraries=$at/lib/*
task=${1:?tests, sanitize, jmh, or a command of rap}
shift
# Transformers' logits on this GPU.
golden() {
  local models=("$at"/src/test/resources/dev/rap/golden/*/golden.json)
  local gguf=$at/../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf
  models=("${models[@]%/golden.json}")
  if ! python3 -c 'import torch, transformers; torch.ones(1, device="cuda").sum().item()' 2>/dev/null; then
    echo "run: Python has no torch and transformers for the GPU, tests against them are skipped" >&2
    return
  fi
  if [[ -e $gguf ]] && python3 -c 'import gguf' 2>/dev/null; then
    models+=("$gguf")
  fi
  export RAP_GOLDEN_GPU=$at/golden-gpu.json
  python3 "$at/scripts/golden-gpu.py" "$RAP_GOLDEN_GPU" "${models[@]}"
}
tests() {
  cd -- "$at" && "$@" "${java[@]}" -cp "$at/test-classes:$libraries" \
    org.junit.platform.console.ConsoleLauncher execute --disable-banner --include-tag gpu \
    --details summary --details-theme ascii "${selection[@]}"
}
case $task in
  tests)
    selection=("$@")
    ((${#selection[@]} > 0)) || selection=(--scan-classpath "$at/test-classes")
    golden
    tests env
    ;;
  sanitize)
    tools=("$@")
    ((${#tools[@]} > 0)) || tools=(memcheck racecheck initcheck synccheck)
    selection=(--scan-classpath "$at/test-classes" --include-classname '.*GpuKernel.*')
    for tool in "${tools[@]}"; do
      echo "compute-sanitizer --tool $tool"
      tests compute-sanitizer --tool "$tool" --error-exitcode 99 \
        --target-processes all
    done
    ;;
  jmh)
    exec "${java[@]}" -cp "$at/test-classes:$libraries" org.openjdk.jmh.Main "$@"
    ;;
  *)
    exec "${java[@]}" -cp "$libraries" dev.rap.cli.RapCommand "$task" "$@"
    ;;
esac
RUN
chmod +x "$folder/run"
du -h "$folder"/*
