#!/usr/bin/env bash
# usage: scripts/compare-policies.sh [FOLDER]     default FOLDER: target/policies
# Makes the bundled model's profile and five agents (seeds 0 to 4) from the calibration text, and
# measures all policies on the test text, over batches and contexts. About half an hour on 2 cores.
# The profile with seed 0's agent is the one that RAP carries.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
out=${1:-target/policies}
bundled=src/main/resources/dev/rap/bundled
text=(--text "$bundled/calibration.txt" --max-windows 16)
grid=(--batch 1,8,32 --context 128,512,2048,8192 --budgets 80,60)
test=(--text "$bundled/test.txt" --max-windows 24)
mkdir -p "$out"

[[ -f $out/calibrated.rap ]] ||
  ./rap calibrate "$bundled/bundled.gguf" "${text[@]}" -o "$out/calibrated.rap"
for seed in 0 1 2 3 4; do
  [[ -f $out/seed$seed.rap ]] ||
    ./rap train "$bundled/bundled.gguf" "${text[@]}" --profile "$out/calibrated.rap" \
      --seed "$seed" -o "$out/seed$seed.rap" --plot "$out/seed$seed.png"
done
./rap evaluate "$bundled/bundled.gguf" "${test[@]}" "${grid[@]}" --profile "$out/seed0.rap" \
  --csv "$out/policies.csv" --plot "$out/policies.png"
for seed in 1 2 3 4; do
  echo "seed $seed:"
  ./rap evaluate "$bundled/bundled.gguf" "${test[@]}" "${grid[@]}" --profile "$out/seed$seed.rap" \
    --policies dqn
done
