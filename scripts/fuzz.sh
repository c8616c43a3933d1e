#!/usr/bin/env bash
# usage: scripts/fuzz.sh TARGET SECONDS [FOLDER]
# Fuzzes a target of dev.rap.fuzz.FuzzTarget with Jazzer: GGUF, SAFETENSORS, CONFIG, TOKENIZER,
# TEMPLATE, MASK, PROFILE. The corpus and what is found stay in FOLDER, by default
# target/fuzz/TARGET. Ends with a failure when something is found; the input that did it then lies
# there as crash-*, timeout-* or oom-*. Mend what it shows and add it to dev.rap.fuzz.Seeds.
set -euo pipefail
target=${1:?usage: fuzz.sh TARGET SECONDS [FOLDER]}
seconds=${2:?usage: fuzz.sh TARGET SECONDS [FOLDER]}
cd "$(dirname "$0")/.."
folder=${3:-target/fuzz/$target}
java=${JAVA_HOME:+$JAVA_HOME/bin/}java

mvn -q -B test-compile dependency:build-classpath -Dmdep.outputFile=target/test-classpath
classpath=target/classes:target/test-classes:$(< target/test-classpath)

mkdir -p "$folder/corpus"
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
seeds=$files/seeds
mkdir "$seeds" "$files/model"
"$java" -cp "$classpath" --enable-native-access=ALL-UNNAMED dev.rap.fuzz.Seeds "$target" "$seeds"
"$java" -Xmx1g -XX:+EnableDynamicAgentLoading --enable-native-access=ALL-UNNAMED -cp "$classpath" \
  com.code_intelligence.jazzer.Jazzer --target_class=dev.rap.fuzz.Fuzzing \
  --target_args="$target $files/model" --instrumentation_includes='dev.rap.**:com.fasterxml.**' \
  --reproducer_path="$folder" -artifact_prefix="$folder/" -max_len=32768 -timeout=10 \
  -rss_limit_mb=3000 -max_total_time="$seconds" -print_final_stats=1 \
  "$folder/corpus" "$seeds"
